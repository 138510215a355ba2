// Starts tests/unit/mcp_servers/test_server.py, over either transport, and waits for states.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "store/accounts_store.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_random.h"
#include "tests/support/temp_dir.h"
#include "tools/mcp_servers/child_process.h"
#include "tools/mcp_servers/mcp_server_set.h"

namespace weir::tools::mcp_servers {

inline std::string script() {
  const char* const root = std::getenv("WEIR_SOURCE_DIR");
  return (std::filesystem::absolute(root == nullptr ? "." : root) / "tests/unit/mcp_servers/test_server.py").string();
}

inline std::vector<std::string> python(std::vector<std::string> flags) {
  std::vector<std::string> command = {"/usr/bin/env", "python3", script()};
  command.insert(command.end(), flags.begin(), flags.end());
  return command;
}

// A server over HTTP, on a port of the kernel's choice; ended by the destructor.
class HttpServed {
 public:
  explicit HttpServed(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "--http");
    auto child = ChildProcess::start({.command = python(std::move(flags))});
    EXPECT_TRUE(child);
    child_ = *std::move(child);
    char digit = 0;
    while (::read(child_->output.get(), &digit, 1) == 1 && digit != '\n') port_.push_back(digit);
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + port_ + "/mcp"; }

 private:
  std::unique_ptr<ChildProcess> child_;
  std::string port_;
};

inline ServerSpec stdio_spec(std::vector<std::string> flags) {
  ServerSpec spec;
  spec.alias = "other";
  spec.command = python(std::move(flags));
  spec.timeout = std::chrono::seconds{10};
  return spec;
}

inline ServerSpec http_spec(const std::string& url) {
  ServerSpec spec;
  spec.alias = "other";
  spec.url = *egress::Url::parse(url);
  spec.headers = {{"X-Required", "yes"}};
  spec.timeout = std::chrono::seconds{10};
  return spec;
}

inline runs::ToolCaller::Callbacks when_done(std::function<void(Result<ToolResult>)> done) {
  runs::ToolCaller::Callbacks callbacks;
  callbacks.done = std::move(done);
  return callbacks;
}

// Not thread-safe: owned by the test.
class SetFixture : public ::testing::Test {
 protected:
  SetFixture() {
    std::signal(SIGPIPE, SIG_IGN);
    store::DatabaseSettings settings;
    settings.path = (folder_.path() / "weir.db").string();
    auto opened = store::Database::open(settings);
    EXPECT_TRUE(opened);
    database_ = *std::move(opened);
    const auto made = database_->write([](store::Transaction& transaction) -> Result<void> {
      store::AccountRow account;
      account.id = "acc_1";
      account.name = "one";
      account.tier = "free";
      if (auto inserted = store::insert_account(transaction, account); !inserted) return inserted;
      store::ApiKeyRow key;
      key.id = "key_1";
      key.account_id = "acc_1";
      key.hash = "0";
      return store::insert_key(transaction, key, {});
    });
    EXPECT_TRUE(made);
    times_.retry_first = std::chrono::milliseconds{20};
    times_.retry_max = std::chrono::milliseconds{100};
  }

  std::unique_ptr<McpServerSet> started(ServerSpec spec) {
    const auto valid = check_spec(spec);
    EXPECT_TRUE(valid) << valid.error().message;
    auto set = std::make_unique<McpServerSet>(std::vector<ServerSpec>{std::move(spec)}, parts(), times_);
    set->start();
    return set;
  }
  LinkParts parts() { return {*database_, clock_, random_, *resolver_, own_port_}; }

  static ServerView view(const McpServerSet& set) { return set.list().front(); }
  static bool reaches(const McpServerSet& set, ServerState state) {
    return testing::eventually([&] { return view(set).state == state; }, std::chrono::seconds{20});
  }
  static void approve(McpServerSet& set) {
    ASSERT_TRUE(testing::eventually([&] { return view(set).seen != nullptr; }, std::chrono::seconds{20}))
        << view(set).problem;
    const auto approved = set.approve("other", view(set).seen->sha256(), "acc_1", "key_1");
    ASSERT_TRUE(approved) << approved.error().message;
    ASSERT_EQ(approved->state, ServerState::approved);
  }
  // Makes the call and waits for its end.
  static Result<ToolResult> call(McpServerSet& set, const std::string& tool, Json arguments = Json::object(),
                                 std::function<void(const Json&)> progress = {}) {
    auto promise = std::make_shared<std::promise<Result<ToolResult>>>();
    auto future = promise->get_future();
    auto callbacks = when_done([promise](Result<ToolResult> result) { promise->set_value(std::move(result)); });
    callbacks.progress = std::move(progress);
    const auto pending = set.call("other__" + tool, std::move(arguments), std::move(callbacks));
    return future.get();
  }

  testing::TempDir folder_;
  SystemClock clock_;
  testing::FakeRandom random_;
  std::unique_ptr<egress::Resolver> resolver_ = egress::system_resolver();
  std::unique_ptr<store::Database> database_;
  LinkTimes times_;
  std::uint16_t own_port_ = 0;
};

}  // namespace weir::tools::mcp_servers

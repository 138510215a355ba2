// One contract over both transports and both eras of the protocol: what a call of an external tool does.
#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "base/guarded.h"
#include "tests/unit/mcp_servers/served.h"

namespace weir::tools::mcp_servers {
namespace {

using std::chrono::milliseconds;

struct Way {
  const char* name;
  bool is_http;
  std::vector<std::string> flags;
};

class CallsTest : public SetFixture, public ::testing::WithParamInterface<Way> {
 protected:
  // A server of this way with more flags, approved.
  std::unique_ptr<McpServerSet> serve(std::vector<std::string> more = {},
                                      milliseconds timeout = std::chrono::seconds{10}) {
    std::vector<std::string> flags = GetParam().flags;
    flags.insert(flags.end(), more.begin(), more.end());
    ServerSpec spec;
    if (GetParam().is_http) {
      served_ = std::make_unique<HttpServed>(flags);
      spec = http_spec(served_->url());
    } else {
      spec = stdio_spec(flags);
    }
    spec.timeout = timeout;
    auto set = started(std::move(spec));
    approve(*set);
    return set;
  }
  [[nodiscard]] bool is_stateless() const {
    return std::string(GetParam().name).find("Stateless") != std::string::npos;
  }
  [[nodiscard]] bool speaks_while_working() const {
    return std::string(GetParam().name).find("Json") == std::string::npos;
  }

  std::unique_ptr<HttpServed> served_;
};

TEST_P(CallsTest, AnApprovedToolIsCalled) {
  const auto set = serve();

  const auto answer = call(*set, "echo", {{"message", "hello"}});

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->structured, (Json{{"text", "Echo: hello"}, {"data", nullptr}, {"notes", Json::array()}}));
  EXPECT_EQ(answer->document->text, "Echo: hello");
  EXPECT_EQ(view(*set).revision, is_stateless() ? "2026-07-28" : "2025-11-25");
  EXPECT_EQ(view(*set).server_info.at("name"), "test-server");
}

TEST_P(CallsTest, StructuredContentIsData) {
  const auto set = serve();

  const auto answer = call(*set, "add", {{"a", 2}, {"b", 3}});

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->structured.at("data"), (Json{{"sum", 5}}));
}

TEST_P(CallsTest, AnErrorOfTheToolIsAnErrorWithItsWords) {
  const auto set = serve();

  const auto answer = call(*set, "fails");

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::validation_failed);
  EXPECT_EQ(answer.error().message, "other__fails answered with an error: the disk is full");
}

TEST_P(CallsTest, WhatIsNoResultIsUnavailable) {
  const auto set = serve();

  const auto answer = call(*set, "odd");

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

TEST_P(CallsTest, AProtocolErrorKeepsItsMeaning) {
  const auto set = serve();

  const auto answer = call(*set, "echo", Json::object());

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::validation_failed);
  EXPECT_THAT(answer.error().message,
              ::testing::HasSubstr("The MCP server other refuses the call: Unknown tool or argument"));
}

TEST_P(CallsTest, ImagesAreLeftOutWithANote) {
  const auto set = serve();

  const auto answer = call(*set, "image");

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->structured.at("text"), "a dot\nin words\n[resource x://2]");
  EXPECT_EQ(answer->structured.at("notes"), (Json{"1 block of content of type image left out."}));
}

TEST_P(CallsTest, AHugeAnswerIsCutOffWithANote) {
  const auto set = serve();

  const auto answer = call(*set, "big", {{"bytes", 300'000}});

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->structured.at("text").get<std::string>().size(), kResultBytesMax);
  EXPECT_EQ(answer->structured.at("notes").size(), 1U);
}

TEST_P(CallsTest, AnAnswerBeyondAllBoundsIsNotRead) {
  const auto set = serve();

  const auto answer = call(*set, "big", {{"bytes", 5'000'000}});

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

TEST_P(CallsTest, ProgressIsToldWhileTheToolWorks) {
  if (!speaks_while_working()) GTEST_SKIP() << "one JSON body has no room for progress";
  const auto set = serve();
  const auto heard = std::make_shared<Guarded<std::vector<Json>>>();

  const auto answer = call(*set, "slow", Json::object(),
                           [heard](const Json& event) { heard->with([&](auto& all) { all.push_back(event); }); });

  ASSERT_TRUE(answer) << answer.error().message;
  heard->with([](const auto& all) {
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all.back().at("type"), "progress");
    EXPECT_EQ(all.back().at("data").at("progress"), 3);
    EXPECT_EQ(all.back().at("data").at("message"), "step 3");
  });
}

TEST_P(CallsTest, ACallThatTakesTooLongEndsAndTheNextOneWorks) {
  const auto set = serve({}, milliseconds{700});

  const auto late = call(*set, "hang");
  const auto next = call(*set, "echo", {{"message", "still here"}});

  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::timed_out);
  ASSERT_TRUE(next) << next.error().message;
}

TEST_P(CallsTest, AQuestionToAPersonIsDeclinedAndSaidSo) {
  if (!speaks_while_working() && !is_stateless()) GTEST_SKIP() << "one JSON body has no room for questions";
  const auto set = serve();

  const auto answer = call(*set, "ask");

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(answer->structured.at("text").get<std::string>(), ::testing::HasSubstr("decline"));
  if (is_stateless()) {
    EXPECT_EQ(answer->structured.at("text"), "decline s1");
  }
  ASSERT_EQ(answer->structured.at("notes").size(), 1U);
  EXPECT_THAT(answer->structured.at("notes")[0].get<std::string>(), ::testing::HasSubstr("declined"));
}

TEST_P(CallsTest, SamplingIsRefusedAndSaidSo) {
  if (is_stateless() || !speaks_while_working()) GTEST_SKIP() << "cannot be asked here";
  const auto set = serve();

  const auto answer = call(*set, "sample");

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->structured.at("text"), "{\"error\": -32601}");
  EXPECT_EQ(answer->structured.at("notes"), (Json{"The server asked for sampling/createMessage, which was refused."}));
}

TEST_P(CallsTest, FourCallsRunAtOnceAndTheOthersWait) {
  const auto set = serve();
  std::vector<std::jthread> callers;
  std::atomic<int> answered = 0;
  const auto begin = std::chrono::steady_clock::now();

  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&] { answered += call(*set, "slow", {{"seconds", 0.3}}).has_value() ? 1 : 0; });
  }
  callers.clear();

  EXPECT_EQ(answered, 6);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds{600});
}

TEST_P(CallsTest, ManyWaitingCallsAreRefused) {
  const auto set = serve({}, milliseconds{700});
  std::vector<std::shared_ptr<PendingCall>> pending;
  const auto refused = std::make_shared<std::atomic<int>>(0);
  const auto ended = std::make_shared<std::atomic<int>>(0);
  constexpr int kCalls = kCallsAtOnceMax + kCallsWaitingMax + 10;

  for (int i = 0; i < kCalls; ++i) {
    pending.push_back(
        set->call("other__hang", Json::object(), when_done([refused, ended](const Result<ToolResult>& result) {
                    if (!result && result.error().code == ErrorCode::concurrency_limit) ++*refused;
                    ++*ended;
                  })));
  }

  EXPECT_GE(*refused, 10);
  // Those that wait have the same deadline as those that are made.
  EXPECT_TRUE(testing::eventually([&] { return *ended == kCalls; }));
}

TEST_P(CallsTest, ACallThatIsGivenUpFreesItsPlace) {
  const auto set = serve();
  std::vector<std::shared_ptr<PendingCall>> pending;
  for (std::size_t i = 0; i < kCallsAtOnceMax; ++i) {
    pending.push_back(set->call("other__hang", Json::object(), when_done([](const Result<ToolResult>&) {})));
  }

  pending.clear();
  const auto answer = call(*set, "echo", {{"message", "free"}});

  EXPECT_TRUE(answer) << answer.error().message;
}

TEST_P(CallsTest, StoppingAnswersWhatIsUnderWay) {
  const auto set = serve();
  auto promise = std::make_shared<std::promise<Result<ToolResult>>>();
  auto future = promise->get_future();
  const auto pending =
      set->call("other__hang", Json::object(),
                when_done([promise](Result<ToolResult> result) { promise->set_value(std::move(result)); }));

  set->stop();

  EXPECT_FALSE(future.get());
}

TEST_P(CallsTest, MarkedArgumentsAreRepeatedAsHeaders) {
  if (!is_stateless() || !GetParam().is_http) GTEST_SKIP() << "headers are of the stateless revision over HTTP";
  const auto set = serve();

  const auto plain = call(*set, "region", {{"region", "eu-west"}});
  const auto encoded = call(*set, "region", {{"region", "Zürich"}});

  ASSERT_TRUE(plain && encoded);
  EXPECT_EQ(plain->structured.at("text"), "eu-west region");
  EXPECT_EQ(encoded->structured.at("text"), "=?base64?WsO8cmljaA==?= region");
}

TEST_P(CallsTest, ToolsThatNoAgentCanHaveAreLeftOut) {
  const auto set = serve();

  EXPECT_FALSE(set->find("other__tasked"));
  EXPECT_FALSE(set->find("other__dotted.name"));
  const auto echo = set->find("other__echo");
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->source, "mcp:other");
  EXPECT_TRUE(echo->is_tainting);
  EXPECT_FALSE(echo->is_repeatable);
  // Its server calls it harmless; that decides nothing.
  EXPECT_TRUE(echo->annotations.is_destructive);
  const auto refused = call(*set, "tasked");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("it can only be called as a task"));
}

TEST_P(CallsTest, AChangedDescriptionDisablesEveryToolUntilItIsApproved) {
  const std::string changed = (folder_.path() / "changed").string();
  times_.list_again = milliseconds{200};
  const auto set = serve({"--changed", changed});
  const std::string before = view(*set).seen->sha256();

  ASSERT_TRUE(call(*set, "change"));
  ASSERT_TRUE(reaches(*set, ServerState::changed));
  const auto refused = call(*set, "add", {{"a", 1}, {"b", 1}});
  const bool has_tools = !set->tools().empty();
  const auto stale = set->approve("other", before, "acc_1", "key_1");
  const ToolChanges changes = view(*set).seen->since(*view(*set).approved);
  approve(*set);
  const auto answered = call(*set, "add", {{"a", 1}, {"b", 1}});

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("have changed since they were approved"));
  EXPECT_FALSE(has_tools);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::conflict);
  EXPECT_EQ(changes.changed, std::vector<std::string>{"echo"});
  EXPECT_TRUE(changes.added.empty() && changes.removed.empty());
  EXPECT_TRUE(answered);
}

TEST_P(CallsTest, AChangeThatIsSaidWhileNobodyCallsIsHeard) {
  const bool is_told_elsewhere = !GetParam().is_http && !is_stateless();
  if (is_told_elsewhere || !speaks_while_working()) GTEST_SKIP() << "has no stream for it";
  const std::string changed = (folder_.path() / "changed").string();
  const auto set = serve({"--changed", changed, "--news"});

  std::ofstream(changed) << "changed";

  EXPECT_TRUE(reaches(*set, ServerState::changed));
}

INSTANTIATE_TEST_SUITE_P(Ways, CallsTest,
                         ::testing::Values(Way{"StdioSessions", false, {}},
                                           Way{"StdioStateless", false, {"--era", "stateless"}},
                                           Way{"HttpSessions", true, {}},
                                           Way{"HttpStateless", true, {"--era", "stateless"}},
                                           Way{"HttpSessionsJson", true, {"--answers", "json"}}),
                         [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace weir::tools::mcp_servers

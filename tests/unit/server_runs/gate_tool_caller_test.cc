// A run's tool call on its way through the real gate to tools of a small table.
#include "server/runs/gate_tool_caller.h"

#include <gmock/gmock.h>

#include "server/runs/run_counts.h"
#include "server/runs/tool_directory.h"
#include "tests/support/eventually.h"
#include "tests/unit/tools/tools_fixture.h"

namespace weir::server {
namespace {

using std::chrono::milliseconds;
using tools::Scope;
using tools::ToolResult;

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message + " / " + result.error().cause);
  return std::move(*result);
}

// What a call came to. Thread-safe.
struct Heard {
  std::mutex mutex;
  std::vector<Result<ToolResult>> answers;
  int admitted = 0;
  int held = 0;
  std::vector<Json> events;
  std::shared_ptr<tools::PendingCall> pending;

  bool is_done() {
    const std::lock_guard lock(mutex);
    return !answers.empty();
  }
};

class GateToolCallerTest : public ::testing::Test {
 protected:
  GateToolCallerTest() {
    database_ = must(store::Database::open({.path = (folder_.path() / "weir.db").string()}));
    hub_ = streaming::EventHub::create();
    events_ = must(streaming::EventLog::open(*database_, *hub_, clock_));
    waiter_ = std::make_unique<streaming::ResourceWaiter>(*events_, *hub_, timers_, executor_);
    catalog_ = std::make_unique<tools::Catalog>(table(), *waiter_);
    gate_ = std::make_unique<Gate>(GateSettings{}, *database_, limiter_, tiers_, clock_, ids_);
    pacing_ = std::make_unique<Pacing>(PacingSettings{}, limiter_, clock_, timers_, executor_);
    gate_->hold_calls(*pacing_);
    caller_.attach(*gate_, *catalog_, nullptr);
    const auto done = database_->write([&](store::Transaction& t) -> Result<void> {
      if (auto added = store::insert_account(t, {.id = "acc_1", .name = "alice", .tier = "pro", .limit_override = {}});
          !added) {
        return added;
      }
      store::ApiKeyRow key;
      key.id = "key_1";
      key.account_id = "acc_1";
      key.name = "ci";
      key.prefix = "wk_ab";
      key.hash = "h1";
      key.scopes = {"scans:read"};
      return store::insert_key(t, key, clock_.now());
    });
    EXPECT_TRUE(done.has_value());
  }
  ~GateToolCallerTest() override {
    pacing_->stop();
    timers_.stop();
    executor_.stop();
  }

  tools::Tool tool(const std::string& name, Scope scope,
                   std::function<Result<ToolResult>(const tools::CallContext&, const Json&)> handler) {
    tools::Tool made;
    made.name = name;
    made.title = name;
    made.description = name;
    made.input_schema = {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
    made.output_schema = {{"type", "object"}};
    made.scope = scope;
    made.handler = std::move(handler);
    return made;
  }
  std::vector<tools::Tool> table() {
    std::vector<tools::Tool> tools;
    tools.push_back(
        tool("look", Scope::scans_read,
             [this](const tools::CallContext& context, const Json& arguments) -> Result<ToolResult> {
               seen_.push_back(context);
               arguments_.push_back(arguments);
               return ToolResult{.structured = {{"ok", true}}, .summary = "Looked.", .document = {}, .waiting = {}};
             }));
    tools.back().annotations.is_read_only = true;
    tools.push_back(
        tool("make", Scope::none, [this](const tools::CallContext&, const Json& arguments) -> Result<ToolResult> {
          arguments_.push_back(arguments);
          return ToolResult{.structured = Json::object(), .summary = "", .document = {}, .waiting = {}};
        }));
    tools.back().input_schema["properties"]["client_token"] = {{"type", "string"}};
    tools.push_back(tool("admin_only", Scope::admin,
                         [](const tools::CallContext&, const Json&) -> Result<ToolResult> { return ToolResult{}; }));
    tools.push_back(tool("wait_for", Scope::none, [](const tools::CallContext&, const Json&) -> Result<ToolResult> {
      ToolResult result;
      result.waiting =
          tools::Waiting{.resource_id = "scn_1", .timeout = milliseconds{20'000}, .finish = [] {
                           return Result<ToolResult>(ToolResult{
                               .structured = {{"ended", true}}, .summary = "", .document = {}, .waiting = {}});
                         }};
      return result;
    }));
    return tools;
  }

  std::shared_ptr<Heard> call(const std::string& name, Json arguments = Json::object(),
                              milliseconds hold = milliseconds{0}) {
    auto heard = std::make_shared<Heard>();
    tools::runs::ToolInvocation invocation;
    invocation.run_id = "run_1";
    invocation.tool_call_id = "tcl_1";
    invocation.account_id = "acc_1";
    invocation.key_id = "key_1";
    invocation.name = name;
    invocation.arguments = std::move(arguments);
    invocation.hold_max = hold;
    heard->pending = caller_.call(invocation, {.done =
                                                   [heard](Result<ToolResult> answer) {
                                                     const std::lock_guard lock(heard->mutex);
                                                     heard->answers.push_back(std::move(answer));
                                                   },
                                               .held =
                                                   [heard](milliseconds) {
                                                     const std::lock_guard lock(heard->mutex);
                                                     ++heard->held;
                                                   },
                                               .admitted =
                                                   [heard] {
                                                     const std::lock_guard lock(heard->mutex);
                                                     ++heard->admitted;
                                                   },
                                               .progress =
                                                   [heard](const Json& event) {
                                                     const std::lock_guard lock(heard->mutex);
                                                     heard->events.push_back(event);
                                                   }});
    return heard;
  }
  void tell(const std::string& type, Json data) {
    const auto done = database_->write([&](store::Transaction& t) -> Result<void> {
      auto event = events_->append(t, {.account_id = "acc_1",
                                       .resource_type = "scan",
                                       .resource_id = "scn_1",
                                       .type = type,
                                       .data = std::move(data)});
      if (!event) return event.error();
      return {};
    });
    ASSERT_TRUE(done.has_value());
  }
  // Spends what the key may in its minute.
  void exhaust() {
    auto caller = gate_->caller_of_key("key_1", {});
    const auto left = tiers_.find("pro")->units_per_minute;
    ASSERT_TRUE(limiter_.acquire(*(*caller)->budget, (*caller)->quota, left)->is_allowed);
  }

  weir::testing::TempDir folder_;
  SystemClock clock_;
  SystemRandom random_;
  IdGenerator ids_{clock_, random_};
  TimerQueue timers_;
  tools::OneThread executor_;
  limits::MemoryLimiter limiter_{clock_};
  limits::Tiers tiers_ = limits::Tiers::defaults();
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<streaming::EventHub> hub_;
  std::unique_ptr<streaming::EventLog> events_;
  std::unique_ptr<streaming::ResourceWaiter> waiter_;
  std::unique_ptr<tools::Catalog> catalog_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Pacing> pacing_;
  GateToolCaller caller_;
  std::vector<tools::CallContext> seen_;
  std::vector<Json> arguments_;
};

TEST_F(GateToolCallerTest, ACallGoesAsTheRunsKeyAndSaysWhichRunMakesIt) {
  const auto heard = call("look");

  ASSERT_EQ(heard->answers.size(), 1U);
  EXPECT_TRUE(heard->answers[0].has_value());
  EXPECT_EQ(heard->admitted, 1);
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_EQ(seen_[0].caller->key_id, "key_1");
  EXPECT_EQ(seen_[0].surface, tools::Surface::run);
  EXPECT_EQ(seen_[0].run_id, "run_1");
}

TEST_F(GateToolCallerTest, AToolThatTakesAClientTokenGetsTheIdOfTheCall) {
  call("make");
  call("make", {{"client_token", "chosen by a model"}});

  EXPECT_EQ(arguments_[0]["client_token"], "tcl_1");
  EXPECT_EQ(arguments_[1]["client_token"], "tcl_1");
}

TEST_F(GateToolCallerTest, WhatTheKeyMayNotTheRunMayNot) {
  const auto heard = call("admin_only");

  EXPECT_EQ(heard->answers.at(0).error().code, ErrorCode::insufficient_scope);
  EXPECT_EQ(heard->admitted, 0);
}

TEST_F(GateToolCallerTest, ARevocationActsOnTheNextCall) {
  EXPECT_TRUE(call("look")->answers.at(0).has_value());
  ASSERT_TRUE(
      database_->write([&](store::Transaction& t) { return store::revoke_key(t, "key_1", clock_.now()); }).has_value());
  gate_->forget_key("key_1");  // as whoever revokes it does

  EXPECT_EQ(call("look")->answers.at(0).error().code, ErrorCode::unauthorized);
  EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(GateToolCallerTest, ARevocationElsewhereActsWithinTheKeyRefresh) {
  EXPECT_TRUE(call("look")->answers.at(0).has_value());
  ASSERT_TRUE(
      database_->write([&](store::Transaction& t) { return store::revoke_key(t, "key_1", clock_.now()); }).has_value());

  EXPECT_TRUE(testing::eventually([&] {
    const auto heard = call("look");
    return !heard->answers.empty() && !heard->answers[0] && heard->answers[0].error().code == ErrorCode::unauthorized;
  }));
}

TEST_F(GateToolCallerTest, WhatStandsForAKeyIsNoKey) {
  ASSERT_TRUE(call("look")->answers.at(0).has_value());
  http::Request request;
  request.headers.add("X-API-Key", "key_1");

  EXPECT_EQ(gate_->authenticate(request).error().code, ErrorCode::unauthorized);
}

TEST_F(GateToolCallerTest, AToolThatIsGoneIsNotFound) {
  EXPECT_EQ(call("gone")->answers.at(0).error().code, ErrorCode::not_found);
}

TEST_F(GateToolCallerTest, WithoutASlotACallIsRefusedWithTheTimeToComeBack) {
  exhaust();

  const auto heard = call("look");

  ASSERT_TRUE(weir::testing::eventually([&] { return heard->is_done(); }));
  EXPECT_EQ(heard->answers[0].error().code, ErrorCode::rate_limit_exceeded);
  EXPECT_GT(*heard->answers[0].error().retry_after, milliseconds{30'000});
  EXPECT_EQ(heard->admitted, 0);
  EXPECT_TRUE(seen_.empty());
}

TEST_F(GateToolCallerTest, ACallThatWaitsForAScanTellsItsEventsAndThenItsAnswer) {
  const auto heard = call("wait_for");
  EXPECT_FALSE(heard->is_done());
  EXPECT_EQ(heard->admitted, 1);

  tell("scan.cancelling", {{"status", "cancelling"}, {"message", "m"}});
  ASSERT_TRUE(weir::testing::eventually([&] {
    const std::lock_guard lock(heard->mutex);
    return !heard->events.empty();
  }));
  EXPECT_FALSE(heard->is_done());
  tell("scan.cancelled", {{"status", "cancelled"}});

  ASSERT_TRUE(weir::testing::eventually([&] { return heard->is_done(); }));
  EXPECT_EQ(heard->answers[0]->structured["ended"], true);
  EXPECT_EQ(heard->events[0]["type"], "scan.cancelling");
}

TEST_F(GateToolCallerTest, ACallThatIsGivenUpIsNotAnswered) {
  const auto heard = call("wait_for");

  heard->pending.reset();
  tell("scan.cancelled", {{"status", "cancelled"}});
  // Something that is answered after it would have been.
  std::promise<void> later;
  executor_.post([&] { later.set_value(); });
  later.get_future().wait();

  EXPECT_FALSE(heard->is_done());
}

TEST_F(GateToolCallerTest, TheDirectoryKnowsWhatMayBeRepeatedGrantedAndBelieved) {
  CatalogToolDirectory directory;
  EXPECT_TRUE(directory.all().empty());
  directory.attach(*catalog_, nullptr);

  EXPECT_EQ(directory.all().size(), 4U);
  EXPECT_TRUE(directory.find("look")->is_repeatable);
  EXPECT_TRUE(directory.find("make")->is_repeatable);
  EXPECT_TRUE(directory.find("make")->takes_client_token);
  EXPECT_FALSE(directory.find("wait_for")->is_repeatable);
  EXPECT_FALSE(directory.find("admin_only")->is_grantable);
  EXPECT_FALSE(directory.find("gone").has_value());
}

TEST(RunCountsTest, EndsAndOverheadAreCountedIntoClosedSets) {
  weir::testing::TempDir folder;
  auto database = must(store::Database::open({.path = (folder.path() / "weir.db").string()}));
  Metrics metrics({"pro"});
  RunCounts counts;
  counts.add_readings(metrics, *database);
  counts.run_ended("completed");
  counts.run_ended("no such status");
  counts.call_ended("denied");
  counts.step_overhead(std::chrono::microseconds{700});
  counts.step_overhead(std::chrono::seconds{3});

  const std::string text = metrics.text();

  EXPECT_THAT(text, ::testing::HasSubstr("weir_runs_ended_total{status=\"completed\"} 1\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("weir_run_tool_calls_total{end=\"denied\"} 1\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("weir_run_step_overhead_seconds_bucket{le=\"0.0005\"} 0\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("weir_run_step_overhead_seconds_bucket{le=\"0.001\"} 1\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("weir_run_step_overhead_seconds_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("weir_runs{status=\"queued\"} 0\n"));
  EXPECT_EQ(text.find("no such status"), std::string::npos);
}

}  // namespace
}  // namespace weir::server

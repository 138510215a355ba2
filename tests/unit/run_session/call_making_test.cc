// Calls that are allowed: how they are made, repeated, held and ended.
#include "tests/unit/run_session/run_lab.h"

namespace weir::tools::runs {
namespace {

using agents::AgentKind;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using CallMakingTest = RunLab;

Error passing(milliseconds after = milliseconds{0}) { return Error(ErrorCode::target_busy, "Busy.").retry_in(after); }

TEST_F(CallMakingTest, ACallIsRecordedAsRunningBeforeItIsMadeAndEndsInTheRecord) {
  const std::string id = running();
  Stint stint(*this, id);
  std::string status_when_made;
  caller_.answers("get_scan", [&](const ToolInvocation&, const ToolCaller::Callbacks& callbacks) {
    status_when_made = calls(id).back().status;
    callbacks.admitted();
    callbacks.done(answer({{"status", "completed"}}));
  });

  const CallOutcome outcome = stint.call("scan", "get_scan", {{"scan_id", "scn_1"}});

  EXPECT_EQ(status_when_made, "running");
  EXPECT_EQ(outcome.end, End::completed);
  EXPECT_EQ(outcome.result["status"], "completed");
  EXPECT_FALSE(outcome.is_recorded);
  const store::ToolCallRow row = calls(id).back();
  EXPECT_EQ(row.status, "completed");
  EXPECT_EQ(row.attempts, 1);
  EXPECT_EQ(row.arguments_sha256, to_hex(sha256(R"({"scan_id":"scn_1"})")));
  EXPECT_THAT(types(id), ElementsAre("tool_call.created", "tool_call.started", "tool_call.completed"));
  EXPECT_EQ(event(id, "tool_call.created")["arguments"]["scan_id"], "scn_1");
  EXPECT_TRUE(attempts(id).empty()) << "the only try of a call is in its own row";
  EXPECT_EQ(stored(id).usage["tool_calls"], 1);
  const auto audit =
      must(database_->read_for([&](store::Transaction& t) { return store::list_audit(t, "acc_1", 10); }));
  ASSERT_EQ(audit.size(), 1U);
  EXPECT_EQ(audit[0].action, "run.tool_called");
  EXPECT_EQ(audit[0].subject, row.id);
}

TEST_F(CallMakingTest, CallsGoAsTheRunsOwner) {
  Stint stint(*this, running());

  stint.call("scan", "get_scan");

  EXPECT_EQ(caller_.made().back().key_id, "key_1");
  EXPECT_EQ(caller_.made().back().account_id, "acc_1");
  EXPECT_EQ(caller_.made().back().run_id, stint.session.run().id);
}

TEST_F(CallMakingTest, AtMostMaxParallelAreUnderWayAndTheOthersFollowInOrder) {
  const std::string id =
      running(AgentKind::playbook, {}, [](agents::AgentDefinition& agent) { agent.limits.max_parallel = 2; });
  Stint stint(*this, id);
  caller_.answers("get_scan", LabCaller::never);
  for (const char* key : {"a", "b", "c"}) {
    CallWish wish;
    wish.key = key;
    wish.tool = "get_scan";
    wish.arguments = {{"of", key}};
    must(stint.session.start_call(std::move(wish)));
  }

  EXPECT_EQ(caller_.made().size(), 2U);
  EXPECT_EQ(stint.session.calls_under_way(), 3U);
  EXPECT_EQ(calls(id)[2].status, "pending");
  caller_.callbacks_of(caller_.made()[1].tool_call_id).done(answer(Json::object()));
  const auto first = stint.session.next_call();

  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->key, "b");
  EXPECT_EQ(caller_.made().size(), 3U);
  EXPECT_EQ(caller_.made()[2].arguments["of"], "c");
}

TEST_F(CallMakingTest, NextCallWaitsNoLongerThanItsDeadlineAndNotAtAllForNothing) {
  Stint stint(*this, running());
  EXPECT_FALSE(stint.session.next_call().has_value());
  caller_.answers("get_scan", LabCaller::never);
  CallWish wish;
  wish.key = "a";
  wish.tool = "get_scan";
  must(stint.session.start_call(std::move(wish)));

  EXPECT_FALSE(stint.session.next_call(clock_.steady_now() + milliseconds{20}).has_value());
  EXPECT_FALSE(stint.session.should_stop());
}

TEST_F(CallMakingTest, AFailureThatPassesIsTriedAgainAndEachTryIsRecorded) {
  const std::string id = running();
  Stint stint(*this, id);
  caller_.answers_in_turn("get_scan", {passing(), Error(ErrorCode::unavailable, "Away."), answer({{"ok", true}})});

  CallWish wish;
  wish.may_retry = true;
  wish.max_attempts = 3;
  const CallOutcome outcome = stint.call("scan", "get_scan", Json::object(), wish);

  EXPECT_EQ(outcome.end, End::completed);
  EXPECT_EQ(calls(id).back().attempts, 3);
  const auto tries = attempts(id);
  ASSERT_EQ(tries.size(), 3U);
  EXPECT_EQ(tries[0].outcome, "target_busy");
  EXPECT_EQ(tries[1].outcome, "unavailable");
  EXPECT_EQ(tries[2].outcome, "ok");
  // One call, whatever it took.
  EXPECT_EQ(stored(id).usage["tool_calls"], 1);
  EXPECT_EQ(caller_.made()[0].tool_call_id, caller_.made()[2].tool_call_id);
}

TEST_F(CallMakingTest, TriesAreCountedAndAToolThatMustNotBeRepeatedHasOne) {
  const std::string id = running();
  Stint stint(*this, id);
  caller_.answers_in_turn("get_scan", {passing()});
  caller_.answers_in_turn("bump", {passing()});
  CallWish wish;
  wish.may_retry = true;
  wish.max_attempts = 2;

  EXPECT_EQ(stint.call("a", "get_scan", Json::object(), wish).error_code, "target_busy");
  EXPECT_EQ(stint.call("b", "bump", Json::object(), wish).end, End::failed);

  EXPECT_EQ(caller_.count("get_scan"), 2U);
  EXPECT_EQ(caller_.count("bump"), 1U);
}

TEST_F(CallMakingTest, ACallThatTheRateLimitRefusesIsMadeLaterAndPeopleAreTold) {
  const std::string id = running();
  Stint stint(*this, id);
  int asked = 0;
  caller_.answers("bump", [&](const ToolInvocation&, const ToolCaller::Callbacks& callbacks) {
    if (++asked < 3)
      return callbacks.done(Error(ErrorCode::rate_limit_exceeded, "Slow down.").retry_in(milliseconds{200}));
    callbacks.admitted();
    callbacks.done(answer(Json::object()));
  });

  const CallOutcome outcome = stint.call("b", "bump");

  EXPECT_EQ(outcome.end, End::completed);
  EXPECT_EQ(asked, 3);
  // Nothing was done before it was admitted, so this is one try of a tool that must not be repeated.
  EXPECT_EQ(calls(id).back().attempts, 1);
  EXPECT_GE(outcome.held, milliseconds{40});
  EXPECT_GE(stint.session.held_time(), milliseconds{40});
  EXPECT_THAT(types(id),
              ElementsAre("tool_call.created", "tool_call.started", "run.status", "run.status", "tool_call.completed"));
  const auto events = told(id);
  EXPECT_EQ(events[2].data["waiting_for"], "rate_limit");
  EXPECT_GE(events[2].data["retry_after_ms"].get<int>(), 20);
  EXPECT_TRUE(events[3].data["waiting_for"].is_null());
}

TEST_F(CallMakingTest, ARefusalThatLastsBeyondTheRunsTimeFailsTheCall) {
  Stint stint(*this, running());
  caller_.answers("bump", [](const ToolInvocation&, const ToolCaller::Callbacks& callbacks) {
    callbacks.done(Error(ErrorCode::rate_limit_exceeded, "Tomorrow.").retry_in(std::chrono::hours{20}));
  });

  const CallOutcome outcome = stint.call("b", "bump");

  EXPECT_EQ(outcome.end, End::failed);
  EXPECT_EQ(outcome.error_code, "rate_limit_exceeded");
}

TEST_F(CallMakingTest, TheTimeThatACallIsHeldDoesNotCountAgainstIt) {
  const std::string id = running();
  Stint stint(*this, id);
  caller_.answers("get_scan", [&](const ToolInvocation& invocation, const ToolCaller::Callbacks& callbacks) {
    callbacks.held(milliseconds{90});
    (void)invocation;
  });
  CallWish wish;
  wish.key = "a";
  wish.tool = "get_scan";
  wish.timeout = milliseconds{60};
  must(stint.session.start_call(std::move(wish)));
  EXPECT_FALSE(stint.session.next_call(clock_.steady_now() + milliseconds{150}).has_value());
  EXPECT_EQ(event(id, "run.status")["waiting_for"], "rate_limit");
  const auto& callbacks = caller_.callbacks_of(caller_.made().back().tool_call_id);
  callbacks.admitted();

  const auto outcome = stint.session.next_call();

  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->end, End::timed_out);
  EXPECT_GE(outcome->held, milliseconds{140});
  EXPECT_TRUE(event(id, "run.status")["waiting_for"].is_null());
}

TEST_F(CallMakingTest, AToolThatGivesNoAnswerTimesOut) {
  const std::string id = running();
  Stint stint(*this, id);
  caller_.answers("get_scan", LabCaller::never);
  CallWish wish;
  wish.timeout = milliseconds{30};

  const CallOutcome outcome = stint.call("a", "get_scan", Json::object(), wish);

  EXPECT_EQ(outcome.end, End::timed_out);
  EXPECT_EQ(calls(id).back().status, "timed_out");
  EXPECT_EQ(event(id, "tool_call.failed")["error"]["code"], "timed_out");
}

TEST_F(CallMakingTest, AnAnswerThatComesTooLateIsNotHeard) {
  const std::string id = running();
  Stint stint(*this, id);
  caller_.answers("get_scan", LabCaller::never);
  CallWish wish;
  wish.timeout = milliseconds{20};
  stint.call("a", "get_scan", Json::object(), wish);

  caller_.callbacks_of(caller_.made().back().tool_call_id).done(answer(Json::object()));

  EXPECT_FALSE(stint.session.next_call(clock_.steady_now() + milliseconds{20}).has_value());
  EXPECT_EQ(calls(id).back().status, "timed_out");
}

TEST_F(CallMakingTest, AnAbandonedCallEndsInTheRecordAndIsNotHeardOfAgain) {
  const std::string id = running();
  Stint stint(*this, id);
  caller_.answers("get_scan", LabCaller::never);
  CallWish wish;
  wish.key = "a";
  wish.tool = "get_scan";
  must(stint.session.start_call(std::move(wish)));

  must(stint.session.abandon_call("a"));
  stint.write_all();

  EXPECT_EQ(calls(id).back().status, "timed_out");
  EXPECT_EQ(stint.session.calls_under_way(), 0U);
  EXPECT_FALSE(stint.session.next_call().has_value());
}

TEST_F(CallMakingTest, ProgressIsToldAtMostOnceASecond) {
  const std::string id = running();
  Stint stint(*this, id);
  caller_.answers("get_scan", [](const ToolInvocation&, const ToolCaller::Callbacks& callbacks) {
    callbacks.admitted();
    for (int i = 0; i < 50; ++i) callbacks.progress({{"type", "scan.progress"}, {"data", {{"percent", i}}}});
    // The answer comes a little later, so that there is something to tell of meanwhile.
  });
  CallWish wish;
  wish.key = "a";
  wish.tool = "get_scan";
  must(stint.session.start_call(std::move(wish)));
  EXPECT_FALSE(stint.session.next_call(clock_.steady_now() + milliseconds{100}).has_value());

  const auto all = types(id);

  EXPECT_EQ(std::ranges::count(all, "tool_call.progress"), 1);
  EXPECT_EQ(event(id, "tool_call.progress")["event"]["data"]["percent"], 49);
}

TEST_F(CallMakingTest, ALongAnswerIsCutForTheRecordAndForTheEngineAlike) {
  const std::string id = running();
  Stint stint(*this, id);
  Json data = Json::array();
  for (int i = 0; i < 5'000; ++i) data.push_back({{"id", i}, {"text", std::string(40, 'x')}});
  caller_.answers_in_turn("list_findings", {answer({{"data", data}})});

  const CallOutcome outcome = stint.call("f", "list_findings");

  EXPECT_LE(to_text(outcome.result).size(), 64U * 1'024);
  EXPECT_TRUE(outcome.result.contains("truncated"));
  EXPECT_EQ(calls(id).back().result, outcome.result);
}

TEST_F(CallMakingTest, TheEndOfACallIsWrittenWithWhatComesNext) {
  const std::string id = running();
  Stint stint(*this, id);
  CallWish wish;
  wish.key = "a";
  wish.tool = "list_findings";
  must(stint.session.start_call(std::move(wish)));
  ASSERT_TRUE(stint.session.next_call().has_value());
  EXPECT_EQ(calls(id).back().status, "running");
  EXPECT_TRUE(stint.session.is_tainted());
  EXPECT_EQ(stint.session.run().usage["tool_calls"], 1);

  wish = {};
  wish.key = "b";
  wish.tool = "get_scan";
  must(stint.session.start_call(std::move(wish)));

  EXPECT_EQ(calls(id).front().status, "completed");
  EXPECT_TRUE(stored(id).is_tainted);
  EXPECT_EQ(stored(id).usage["tool_calls"], 1);
  EXPECT_THAT(types(id), ::testing::ElementsAre("tool_call.created", "tool_call.started", "tool_call.completed",
                                                "tool_call.created", "tool_call.started"));
}

TEST_F(CallMakingTest, AnAnswerWithOthersTextTaintsTheRun) {
  const std::string id = running();
  Stint stint(*this, id);
  EXPECT_FALSE(stint.session.is_tainted());

  const CallOutcome outcome = stint.call("f", "list_findings");

  EXPECT_TRUE(outcome.is_tainted);
  EXPECT_TRUE(stint.session.is_tainted());
  EXPECT_TRUE(stored(id).is_tainted);
}

TEST_F(CallMakingTest, ARevokedKeyStopsTheRun) {
  const std::string id = running();
  Stint stint(*this, id);
  caller_.answers_in_turn("get_scan", {Error(ErrorCode::unauthorized, "Revoked.")});
  CallWish wish;
  wish.key = "a";
  wish.tool = "get_scan";
  must(stint.session.start_call(std::move(wish)));

  EXPECT_FALSE(stint.session.next_call().has_value());
  stint.write_all();

  EXPECT_TRUE(stint.session.should_stop());
  EXPECT_EQ(stint.stop.reason(), RunStopReason::key_revoked);
  EXPECT_EQ(calls(id).back().status, "failed");
}

}  // namespace
}  // namespace weir::tools::runs

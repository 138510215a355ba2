// Steps, messages, usage and events of a session.
#include "tests/unit/run_session/run_lab.h"
#include "tools/runs/run_usage.h"

namespace weir::tools::runs {
namespace {

using agents::AgentKind;
using ::testing::ElementsAre;
using SessionRecordsTest = RunLab;
using Status = StepEnd::Status;

StepEnd done_with(Json result) {
  StepEnd end;
  end.result = std::move(result);
  return end;
}

TEST_F(SessionRecordsTest, AStepIsToldOnceAndItsEndIsRemembered) {
  const std::string id = running();
  {
    Stint stint(*this, id);
    EXPECT_FALSE(must(stint.session.begin_step("scan", "create_scan")).has_value());
    EXPECT_TRUE(stint.session.has_begun("scan"));
    must(stint.session.end_step("scan", done_with({{"id", "scn_1"}})));
  }
  Stint again(*this, id);

  const auto end = must(again.session.begin_step("scan", "create_scan"));

  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->status, Status::completed);
  EXPECT_EQ(end->result["id"], "scn_1");
  EXPECT_THAT(types(id), ElementsAre("step.started", "step.completed"));
}

TEST_F(SessionRecordsTest, AStepThatHadBegunIsTakenUpWithoutTellingItAgain) {
  const std::string id = running();
  { must(Stint(*this, id).session.begin_step("scan", "create_scan")); }
  Stint again(*this, id);

  EXPECT_TRUE(again.session.has_begun("scan"));
  EXPECT_FALSE(must(again.session.begin_step("scan", "create_scan")).has_value());
  must(again.record.flush());

  EXPECT_THAT(types(id), ElementsAre("step.started"));
  const auto steps = must(database_->read_for([&](store::Transaction& t) { return store::run_steps(t, id); }));
  EXPECT_EQ(steps.at(0).attempts, 2);
}

TEST_F(SessionRecordsTest, ASkippedStepIsToldOnce) {
  const std::string id = running();
  StepEnd skipped;
  skipped.status = Status::skipped;
  {
    Stint stint(*this, id);
    must(stint.session.skip_step("diff", "compare_scans", skipped));
    must(stint.session.skip_step("diff", "compare_scans", skipped));
  }
  must(Stint(*this, id).session.skip_step("diff", "compare_scans", skipped));

  EXPECT_THAT(types(id), ElementsAre("step.completed"));
  EXPECT_EQ(event(id, "step.completed")["status"], "skipped");
}

TEST_F(SessionRecordsTest, MessagesOfTheRunsBeforeComeFirst) {
  const std::string first = running(AgentKind::model);
  {
    Stint stint(*this, first);
    must(stint.session.add_message("user", {{"text", "one"}}, ""));
    must(stint.session.add_message("assistant", {{"text", "two"}}, "two"));
  }
  const std::string second = add_run(agent_of(AgentKind::model), [&](store::RunRow& run) {
    run.status = "running";
    run.previous_run_id = first;
  });
  Stint stint(*this, second);
  must(stint.session.add_message("user", {{"text", "three"}}, ""));

  const auto messages = must(stint.session.messages());

  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0].content["text"], "one");
  EXPECT_EQ(messages[2].content["text"], "three");
  EXPECT_THAT(types(first), ElementsAre("message.completed"));
}

TEST_F(SessionRecordsTest, DeltasAreGatheredAndNeverMixedOrLost) {
  const std::string id = running(AgentKind::model);
  Stint stint(*this, id);
  must(stint.session.begin_message());
  for (int i = 0; i < 100; ++i) must(stint.session.add_delta(RunSession::DeltaKind::reasoning, "r"));
  for (int i = 0; i < 3'000; ++i) must(stint.session.add_delta(RunSession::DeltaKind::text, "t"));

  must(stint.session.add_message("assistant", {{"text", "whole"}}, "whole"));

  std::string reasoning;
  std::string text;
  std::size_t deltas = 0;
  for (const streaming::Event& each : told(id)) {
    if (each.type != "message.delta") continue;
    ++deltas;
    (each.data["kind"] == "text" ? text : reasoning) += each.data["text"].get<std::string>();
  }
  EXPECT_EQ(reasoning, std::string(100, 'r'));
  EXPECT_EQ(text, std::string(3'000, 't'));
  EXPECT_LT(deltas, 60U);
  EXPECT_EQ(types(id).front(), "message.started");
  EXPECT_EQ(types(id).back(), "message.completed");
}

TEST_F(SessionRecordsTest, UsageIsAddedUpToldAndCompared) {
  const std::string id =
      running(AgentKind::model, {}, [](agents::AgentDefinition& agent) { agent.limits.max_total_tokens = 100; });
  Stint stint(*this, id);
  TurnUsage turn;
  turn.input_tokens = 30;
  turn.output_tokens = 20;
  turn.cost_microusd = 5;

  EXPECT_FALSE(must(stint.session.add_usage(turn)).has_value());
  EXPECT_EQ(must(stint.session.add_usage(turn)), "max_tokens");

  const Json usage = event(id, "usage.updated");
  EXPECT_EQ(usage["input_tokens"], 60);
  EXPECT_EQ(usage["model_requests"], 2);
  EXPECT_EQ(usage["cost_microusd"], 10);
  EXPECT_EQ(usage["complete"], true);
}

TEST(RunUsageTest, WhatAProviderDidNotSayIsUnknownForGood) {
  Json usage = usage_from(Json::object());
  TurnUsage silent;
  add_turn(usage, silent);
  TurnUsage told;
  told.input_tokens = 3;
  told.output_tokens = 4;
  told.cost_microusd = 1;

  add_turn(usage, told);

  EXPECT_TRUE(usage["input_tokens"].is_null());
  EXPECT_TRUE(usage["cost_microusd"].is_null());
  EXPECT_EQ(usage["complete"], false);
  agents::RunLimits limits;
  limits.max_cost_microusd = 1;
  EXPECT_FALSE(used_up(usage, limits).has_value());
}

TEST(RunUsageTest, EachBudgetIsUsedUpWhenItIsReached) {
  Json usage = usage_from(Json::object());
  TurnUsage turn;
  turn.input_tokens = 90;
  turn.output_tokens = 10;
  turn.cost_microusd = 50;
  add_turn(usage, turn);
  const auto with = [&](auto change) {
    agents::RunLimits limits;
    change(limits);
    return used_up(usage, limits);
  };

  EXPECT_EQ(with([](agents::RunLimits& limits) { limits.max_output_tokens = 10; }), "max_tokens");
  EXPECT_EQ(with([](agents::RunLimits& limits) { limits.max_output_tokens = 11; }), std::nullopt);
  EXPECT_EQ(with([](agents::RunLimits& limits) { limits.max_total_tokens = 100; }), "max_tokens");
  EXPECT_EQ(with([](agents::RunLimits& limits) { limits.max_total_tokens = 101; }), std::nullopt);
  EXPECT_EQ(with([](agents::RunLimits& limits) { limits.max_cost_microusd = 50; }), "max_cost");
  EXPECT_EQ(with([](agents::RunLimits& limits) { limits.max_cost_microusd = 51; }), std::nullopt);
}

TEST_F(SessionRecordsTest, ARecordThatCannotBeWrittenStopsTheRun) {
  Stint stint(*this, running());
  stint.job.die();

  EXPECT_FALSE(stint.session.warn("x", "y").has_value());

  EXPECT_TRUE(stint.session.should_stop());
  EXPECT_EQ(stint.stop.reason(), RunStopReason::records_failed);
}

}  // namespace
}  // namespace weir::tools::runs

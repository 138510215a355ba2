// Runs that wait for people hold no job, and go on when they have decided.
#include "tests/unit/run_session/run_lab.h"

namespace weir::tools::runs {
namespace {

using agents::AgentKind;
using ::testing::Contains;
using ::testing::ElementsAre;
using Kind = EngineOutcome::Kind;
using RunWaitingTest = RunLab;

Engine asks_first() {
  return [](RunSession& session) -> Result<EngineOutcome> {
    CallWish wish;
    wish.key = "one";
    wish.step_id = "one";
    wish.tool = "create_scan";
    wish.arguments = {{"target_id", "tgt_1"}};
    if (auto started = session.start_call(std::move(wish)); !started) return started.error();
    const auto outcome = session.next_call();
    if (!outcome) return ended(Kind::stopped);
    if (outcome->end == End::awaiting_approval) return ended(Kind::requires_action);
    return completed({{"end", outcome->end == End::completed ? "made" : "denied"}});
  };
}
void allow(store::ToolCallRow& row) {
  row.approval["decision"] = "allow";
  row.status = "pending";
}

TEST_F(RunWaitingTest, ARunThatNeedsAPersonSaysWhoIsAskedWhatAndUntilWhen) {
  auto agent = agent_of(AgentKind::model);
  agent.limits.approval_ttl = std::chrono::seconds{3'600};
  const std::string id = add_run(agent);

  const auto outcome = execute(id, asks_first());

  EXPECT_EQ(outcome.kind, jobs::JobOutcome::Kind::finished);
  const store::RunRow run = stored(id);
  EXPECT_EQ(run.status, "requires_action");
  EXPECT_EQ(run.required_action["type"], "approval");
  EXPECT_EQ(run.required_action["tool_call_ids"], Json::array({calls(id).back().id}));
  EXPECT_EQ(run.required_action["expires_at"], to_rfc3339(run.deadline_at));
  EXPECT_GT(run.deadline_at, clock_.now() + std::chrono::seconds{3'500});
  EXPECT_EQ(types(id).back(), "run.requires_action");
}

TEST_F(RunWaitingTest, AfterTheDecisionItGoesOnWhereItWas) {
  const std::string id = add_run(agent_of(AgentKind::model));
  execute(id, asks_first());
  update_call(id, allow);
  update(id, [](store::RunRow& run) { run.status = "queued"; });

  execute(id, asks_first());

  EXPECT_EQ(stored(id).status, "completed");
  EXPECT_EQ(stored(id).output["end"], "made");
  EXPECT_EQ(caller_.made().size(), 1U);
  EXPECT_EQ(event(id, "run.resumed")["reason"], "approval");
  EXPECT_THAT(types(id), Contains("tool_call.completed"));
}

TEST_F(RunWaitingTest, ADecisionThatComesWhileTheRunStillWorksIsNotWaitedFor) {
  const std::string id = add_run(agent_of(AgentKind::model));
  int taken_up = 0;

  execute(id, [&](RunSession& session) {
    auto outcome = asks_first()(session);
    if (++taken_up == 1) update_call(id, allow);
    return outcome;
  });

  EXPECT_EQ(taken_up, 2);
  EXPECT_EQ(stored(id).status, "completed");
  EXPECT_THAT(types(id), ::testing::Not(Contains("run.requires_action")));
}

TEST_F(RunWaitingTest, WaitingForPeopleTakesNoneOfTheRunsTime) {
  const std::string id = add_run(agent_of(AgentKind::model));
  execute(id, asks_first());
  const std::int64_t worked = stored(id).active_ms;
  update(id, [](store::RunRow& run) {
    run.status = "queued";
    // As if the person had taken a day.
    run.started_at = *run.started_at - std::chrono::hours{24};
  });
  update_call(id, allow);

  execute(id, asks_first());

  EXPECT_EQ(stored(id).status, "completed");
  EXPECT_LT(stored(id).active_ms, worked + 5'000);
  EXPECT_LT(event(id, "run.completed")["usage"]["wall_ms"].get<std::int64_t>(), 10'000);
}

TEST_F(RunWaitingTest, ARunThatIsCancelledAsItBeginsToWaitIsCancelled) {
  const std::string id = add_run(agent_of(AgentKind::model));
  LabJob job(*database_, id);

  execute(job, [&](RunSession& session) -> Result<EngineOutcome> {
    if (session.should_stop()) return ended(Kind::stopped);
    auto outcome = asks_first()(session);
    update(id, [](store::RunRow& run) { run.status = "cancelling"; });
    job.stop(jobs::StopReason::cancelled);
    return outcome;
  });

  EXPECT_EQ(stored(id).status, "cancelled");
  EXPECT_EQ(calls(id).back().status, "skipped");
}

TEST_F(RunWaitingTest, AJobThatFindsARunWaitingDoesNothing) {
  const std::string id = add_run(agent_of(AgentKind::model));
  execute(id, asks_first());
  const auto before = types(id);

  execute(id, asks_first());

  EXPECT_EQ(types(id), before);
}

}  // namespace
}  // namespace weir::tools::runs

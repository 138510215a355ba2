// The job of a run: how it begins, and each way in which it ends.
#include "tests/unit/run_session/run_lab.h"

namespace weir::tools::runs {
namespace {

using agents::AgentKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = EngineOutcome::Kind;
using RunExecutionTest = RunLab;

Engine says(EngineOutcome outcome) {
  return [outcome](RunSession&) -> Result<EngineOutcome> { return outcome; };
}
// Waits until the run must stop.
Engine waits() {
  return [](RunSession& session) -> Result<EngineOutcome> {
    while (session.wait(std::chrono::milliseconds{50})) {}
    return ended(Kind::stopped);
  };
}
Engine calls_one(const std::string& tool) {
  return [tool](RunSession& session) -> Result<EngineOutcome> {
    CallWish wish;
    wish.key = "one";
    wish.step_id = "one";
    wish.tool = tool;
    if (auto started = session.start_call(std::move(wish)); !started) return started.error();
    const auto outcome = session.next_call();
    if (!outcome) return ended(Kind::stopped);
    return completed({{"is_ok", outcome->end == End::completed}});
  };
}

TEST_F(RunExecutionTest, ARunBeginsWorksAndEnds) {
  const std::string id = add_run(agent_of(AgentKind::playbook));

  const auto outcome = execute(id, calls_one("get_scan"));

  EXPECT_EQ(outcome.kind, jobs::JobOutcome::Kind::finished);
  const store::RunRow run = stored(id);
  EXPECT_EQ(run.status, "completed");
  EXPECT_EQ(run.output["is_ok"], true);
  EXPECT_TRUE(run.started_at && run.finished_at);
  EXPECT_THAT(types(id), ElementsAre("run.started", "tool_call.created", "tool_call.started", "tool_call.completed",
                                     "run.completed"));
  const Json last = event(id, "run.completed");
  EXPECT_EQ(last["output"]["is_ok"], true);
  EXPECT_EQ(last["usage"]["tool_calls"], 1);
  EXPECT_TRUE(last["error"].is_null());
}

TEST_F(RunExecutionTest, AFailureAndALimitEndTheRunWithTheirReason) {
  const std::string failed = add_run(agent_of(AgentKind::playbook));
  EngineOutcome outcome = ended(Kind::failed, "not_found");
  outcome.message = "No such scan.";
  execute(failed, says(outcome));
  const std::string limited = add_run(agent_of(AgentKind::playbook));
  execute(limited, says(ended(Kind::incomplete, "max_steps")));

  EXPECT_EQ(stored(failed).status, "failed");
  EXPECT_EQ(stored(failed).error_code, "not_found");
  EXPECT_EQ(event(failed, "run.failed")["error"]["message"], "No such scan.");
  EXPECT_EQ(stored(limited).status, "incomplete");
  EXPECT_EQ(stored(limited).incomplete_reason, "max_steps");
}

TEST_F(RunExecutionTest, AnOutputThatDoesNotFitTheSchemaFailsTheRunAndIsKept) {
  auto agent = agent_of(AgentKind::playbook);
  agent.output_schema = {{"type", "object"}, {"required", {"grade"}}};
  const std::string id = add_run(agent);

  execute(id, says(completed({{"score", 3}})));

  EXPECT_EQ(stored(id).status, "failed");
  EXPECT_EQ(stored(id).error_code, "output_invalid");
  EXPECT_THAT(*stored(id).error_message, HasSubstr("grade"));
  EXPECT_EQ(stored(id).output["score"], 3);
}

TEST_F(RunExecutionTest, AnEngineThatThrowsFailsTheRunAndNotTheProcess) {
  const std::string id = add_run(agent_of(AgentKind::playbook));

  execute(id, [](RunSession&) -> Result<EngineOutcome> { throw std::runtime_error("oops"); });

  EXPECT_EQ(stored(id).error_code, "internal");
  EXPECT_EQ(stored(id).error_message->find("oops"), std::string::npos);
}

TEST_F(RunExecutionTest, TheWallTimeEndsARun) {
  auto agent = agent_of(AgentKind::playbook);
  agent.limits.wall = std::chrono::seconds{1};
  const std::string id = add_run(agent);

  execute(id, waits());

  EXPECT_EQ(stored(id).status, "failed");
  EXPECT_EQ(stored(id).error_code, "timeout");
}

TEST_F(RunExecutionTest, WhatWasWorkedBeforeCountsAgainstTheWallTime) {
  auto agent = agent_of(AgentKind::playbook);
  agent.limits.wall = std::chrono::seconds{600};
  const std::string id = add_run(agent, [&](store::RunRow& run) {
    run.started_at = clock_.now();
    run.active_ms = 599'900;
  });

  execute(id, waits());

  EXPECT_EQ(stored(id).error_code, "timeout");
  EXPECT_GE(stored(id).active_ms, 600'000);
}

TEST_F(RunExecutionTest, ACancellationEndsARunAndWhatWasUnderWay) {
  const std::string id = add_run(agent_of(AgentKind::playbook));
  LabJob job(*database_, id);
  caller_.answers("get_scan", [&](const ToolInvocation&, const ToolCaller::Callbacks&) {
    update(id, [](store::RunRow& run) {
      run.status = "cancelling";
      run.error_message = "Cancelled by key ci.";
    });
    job.stop(jobs::StopReason::cancelled);
  });

  execute(job, calls_one("get_scan"));

  EXPECT_EQ(stored(id).status, "cancelled");
  EXPECT_EQ(*stored(id).error_message, "Cancelled by key ci.");
  EXPECT_EQ(calls(id).back().status, "failed");
  EXPECT_EQ(types(id).back(), "run.cancelled");
}

TEST_F(RunExecutionTest, ARunThatWasCancelledWhileItEndedIsCancelled) {
  const std::string id = add_run(agent_of(AgentKind::playbook));

  execute(id, [&](RunSession&) -> Result<EngineOutcome> {
    update(id, [](store::RunRow& run) { run.status = "cancelling"; });
    return completed(Json::object());
  });

  EXPECT_EQ(stored(id).status, "cancelled");
}

TEST_F(RunExecutionTest, ARevokedKeyStopsARunInTheMiddle) {
  const std::string id = add_run(agent_of(AgentKind::playbook));

  execute(id, [&](RunSession& session) {
    revoke_key();
    return waits()(session);
  });

  EXPECT_EQ(stored(id).status, "failed");
  EXPECT_EQ(stored(id).error_code, "key_revoked");
  EXPECT_THAT(*stored(id).error_message, HasSubstr("revoked"));
}

TEST_F(RunExecutionTest, ADisabledAgentStopsItsRunsAndStartsNone) {
  const auto disable = [&] {
    must(database_->write([&](store::Transaction& t) -> Result<void> {
      auto agent = store::agent_for_job(t, agent_id_);
      if (!agent) return agent.error();
      agent->is_enabled = false;
      return store::update_agent(t, *agent);
    }));
  };
  const std::string middle = add_run(agent_of(AgentKind::playbook));
  execute(middle, [&](RunSession& session) {
    disable();
    return waits()(session);
  });
  const std::string before = add_run(agent_of(AgentKind::playbook));
  disable();
  execute(before, says(completed(Json::object())));

  EXPECT_EQ(stored(middle).error_code, "agent_disabled");
  EXPECT_EQ(stored(before).error_code, "agent_disabled");
  EXPECT_THAT(types(before), ElementsAre("run.failed"));
}

TEST_F(RunExecutionTest, ARunThatWaitedTooLongForItsTurnHasExpired) {
  const std::string id = add_run(agent_of(AgentKind::playbook),
                                 [&](store::RunRow& run) { run.deadline_at = clock_.now() - std::chrono::seconds{1}; });

  execute(id, says(completed(Json::object())));

  EXPECT_EQ(stored(id).status, "expired");
  EXPECT_EQ(types(id).back(), "run.expired");
}

TEST_F(RunExecutionTest, BeyondTheTiersNumberARunWaitsForAPlace) {
  const std::size_t at_once = tiers_.find("pro")->concurrent_runs;
  for (std::size_t i = 0; i < at_once; ++i) {
    add_run(agent_of(AgentKind::playbook), [&](store::RunRow& run) {
      run.status = "running";
      run.deadline_at = clock_.now() + std::chrono::hours{1};
    });
  }
  const std::string id = add_run(agent_of(AgentKind::playbook));

  const auto outcome = execute(id, says(completed(Json::object())));

  EXPECT_EQ(outcome.kind, jobs::JobOutcome::Kind::retry);
  EXPECT_EQ(outcome.delay, kPlaceDelay);
  EXPECT_EQ(stored(id).status, "queued");
  EXPECT_TRUE(types(id).empty());
}

TEST_F(RunExecutionTest, AShutdownPutsTheRunBackAndItGoesOn) {
  const std::string id = add_run(agent_of(AgentKind::playbook));
  LabJob job(*database_, id);
  const auto outcome = execute(job, [&](RunSession& session) {
    must(session.begin_step("one", "get_scan"));
    job.stop(jobs::StopReason::shutdown);
    return waits()(session);
  });
  EXPECT_EQ(outcome.kind, jobs::JobOutcome::Kind::retry);
  EXPECT_EQ(stored(id).status, "running");

  execute(id, says(completed(Json::object())));

  EXPECT_EQ(stored(id).status, "completed");
  EXPECT_THAT(types(id), ElementsAre("run.started", "step.started", "run.resumed", "run.completed"));
  EXPECT_EQ(event(id, "run.resumed")["reason"], "server_restarted");
}

TEST_F(RunExecutionTest, ALostLeaseLeavesTheRunToItsNewOwner) {
  const std::string id = add_run(agent_of(AgentKind::playbook));
  LabJob job(*database_, id);

  const auto outcome = execute(job, [&](RunSession& session) {
    job.stop(jobs::StopReason::lease_lost);
    return waits()(session);
  });

  EXPECT_EQ(outcome.kind, jobs::JobOutcome::Kind::finished);
  EXPECT_EQ(stored(id).status, "running");
}

TEST_F(RunExecutionTest, AfterADatabaseThatWasAwayTheRunIsTakenUpAgain) {
  const std::string id = add_run(agent_of(AgentKind::playbook));
  LabJob job(*database_, id);

  const auto outcome = execute(job, [&](RunSession& session) -> Result<EngineOutcome> {
    job.die();
    auto begun = session.begin_step("one", "get_scan");
    if (!begun) return begun.error();
    return completed(Json::object());
  });

  EXPECT_EQ(outcome.kind, jobs::JobOutcome::Kind::retry);
  EXPECT_EQ(stored(id).status, "running");
}

TEST_F(RunExecutionTest, ARunThatTookTheProcessWithItTooOftenFails) {
  const std::string id = running();
  { must(Stint(*this, id).session.begin_step("one", "get_scan")); }
  LabJob job(*database_, id);
  const RunParts its_parts = parts();

  give_up_run_job(its_parts, job);

  EXPECT_EQ(stored(id).status, "failed");
  EXPECT_EQ(stored(id).error_code, "server_restarted");
  const auto steps = must(database_->read_for([&](store::Transaction& t) { return store::run_steps(t, id); }));
  EXPECT_EQ(steps.at(0).status, "failed");
}

TEST_F(RunExecutionTest, ARunThatHasEndedIsLeftAsItIs) {
  const std::string id = add_run(agent_of(AgentKind::playbook), [](store::RunRow& run) { run.status = "cancelled"; });

  execute(id, says(completed(Json::object())));

  EXPECT_EQ(stored(id).status, "cancelled");
  EXPECT_TRUE(types(id).empty());
}

TEST_F(RunExecutionTest, ARunThatGoesOnFromATaintedOneIsTaintedItself) {
  const std::string first = add_run(agent_of(AgentKind::model), [](store::RunRow& run) {
    run.status = "completed";
    run.is_tainted = true;
  });
  const std::string id = add_run(agent_of(AgentKind::model), [&](store::RunRow& run) { run.previous_run_id = first; });
  bool was_tainted = false;

  execute(id, [&](RunSession& session) -> Result<EngineOutcome> {
    was_tainted = session.is_tainted();
    return completed(Json::object());
  });

  EXPECT_TRUE(was_tainted);
}

}  // namespace
}  // namespace weir::tools::runs

#include "tools/runs/run_start.h"

#include "tests/unit/runs/runs_fixture.h"

namespace weir::tools::runs {
namespace {

using ::testing::HasSubstr;

class RunStartTest : public RunToolsTest {
 protected:
  RunStartTest() { agent_ = add_agent("posture", playbook()); }
  std::string agent_;
};

TEST_F(RunStartTest, ARunIsQueuedWithItsJobAndItsFirstEvent) {
  const Json run = call("create_run", {{"agent_id", agent_}, {"input", {{"target_id", "tgt_1"}}}});

  const std::string id = run["id"];
  EXPECT_EQ(run["status"], "queued");
  EXPECT_EQ(run["agent"], "posture");
  EXPECT_EQ(run["version"], 1);
  EXPECT_EQ(run["provider"], "playbook");
  EXPECT_TRUE(run["model"].is_null());
  EXPECT_EQ(run["trigger"], "mcp");
  EXPECT_EQ(run["usage"]["input_tokens"], 0);
  EXPECT_EQ(run["limits"]["max_steps"], 20);
  EXPECT_EQ(queued_jobs(id).size(), 1U);
  EXPECT_EQ(event_types(id), (std::vector<std::string>{"run.queued"}));
  const store::RunRow row = stored(id);
  EXPECT_EQ(row.created_by_key, alice_->key_id);
  EXPECT_EQ(row.snapshot["definition"]["kind"], "playbook");
  EXPECT_EQ(row.snapshot["slug"], "posture");
}

TEST_F(RunStartTest, TheInputGetsItsDefaultsAndMistakesPointAtIt) {
  EXPECT_EQ(start()["input"], (Json{{"target_id", "tgt_1"}, {"fail_on", "high"}}));

  const Error missing = refusal("create_run", {{"agent_id", "posture"}});
  const Error wrong =
      refusal("create_run", {{"agent_id", "posture"}, {"input", {{"target_id", 7}, {"speed", "fast"}}}});

  EXPECT_EQ(missing.code, ErrorCode::validation_failed);
  ASSERT_EQ(missing.fields.size(), 1U);
  EXPECT_EQ(missing.fields[0].field, "input.target_id");
  EXPECT_EQ(wrong.fields.size(), 2U);
  EXPECT_THAT(wrong.message, HasSubstr("input.target_id"));
  EXPECT_THAT(wrong.message, HasSubstr("get_agent"));
}

TEST_F(RunStartTest, AnInputThatIsTooLongIsRefused) {
  add_agent("any", [] {
    agents::AgentDefinition definition = playbook();
    definition.input_schema = Json::object();
    return definition;
  }());

  const Error error =
      refusal("create_run", {{"agent_id", "any"}, {"input", {{"text", std::string(kRunInputBytesMax, 'x')}}}});

  EXPECT_EQ(error.code, ErrorCode::validation_failed);
  EXPECT_EQ(error.fields.at(0).field, "input");
}

TEST_F(RunStartTest, AVersionIsPinned) {
  write([&](store::Transaction& t) {
    return store::insert_agent_version(t, {.agent_id = agent_,
                                           .n = 2,
                                           .definition = agents::definition_json(playbook()),
                                           .created_by_key = "",
                                           .created_at = clock_.now()});
  });
  change_agent(agent_, [](store::AgentRow& agent) { agent.current_version = 2; });

  EXPECT_EQ(start()["version"], 2);
  EXPECT_EQ(call("create_run", {{"agent_id", "posture"}, {"version", 1}, {"input", {{"target_id", "t"}}}})["version"],
            1);
  const Error error = refusal("create_run", {{"agent_id", "posture"}, {"version", 3}});
  EXPECT_EQ(error.code, ErrorCode::not_found);
  EXPECT_THAT(error.message, HasSubstr("current one is 2"));
}

TEST_F(RunStartTest, LimitsMayOnlyBeNarrowed) {
  const Json run = call(
      "create_run", {{"agent_id", "posture"}, {"input", {{"target_id", "t"}}}, {"limits", {{"max_tool_calls", 5}}}});
  EXPECT_EQ(run["limits"]["max_tool_calls"], 5);
  EXPECT_EQ(run["limits"]["max_steps"], 20);

  const Error error = refusal(
      "create_run", {{"agent_id", "posture"}, {"input", {{"target_id", "t"}}}, {"limits", {{"max_steps", 500}}}});

  EXPECT_EQ(error.code, ErrorCode::validation_failed);
  EXPECT_THAT(error.fields.at(0).field, HasSubstr("limits.max_steps"));
}

TEST_F(RunStartTest, TheServersTimeIsTheMost) {
  run_settings_.wall_max = std::chrono::seconds{60};

  EXPECT_EQ(start()["limits"]["wall_s"], 60);
}

TEST_F(RunStartTest, AgentsOfOthersAreFoundOnlyIfTheyArePublic) {
  EXPECT_EQ(refusal_for(bob_, "create_run", {{"agent_id", agent_}}).code, ErrorCode::not_found);
  EXPECT_EQ(refusal_for(bob_, "create_run", {{"agent_id", "posture"}}).code, ErrorCode::not_found);

  change_agent(agent_, [](store::AgentRow& agent) { agent.is_public = true; });

  const auto run = call_as(bob_, "create_run", {{"agent_id", "posture"}, {"input", {{"target_id", "t"}}}});
  ASSERT_TRUE(run);
  EXPECT_EQ(run->structured["agent_id"], agent_);
  EXPECT_EQ(stored(run->structured["id"]).account_id, bob_->account_id);
}

TEST_F(RunStartTest, ADisabledAgentAndStoppedToolsRunNothing) {
  change_agent(agent_, [](store::AgentRow& agent) { agent.is_enabled = false; });
  EXPECT_EQ(refusal("create_run", {{"agent_id", "posture"}}).code, ErrorCode::conflict);

  change_agent(agent_, [](store::AgentRow& agent) { agent.is_enabled = true; });
  run_settings_.are_tools_stopped = true;
  EXPECT_EQ(refusal("create_run", {{"agent_id", "posture"}, {"input", {{"target_id", "t"}}}}).code,
            ErrorCode::unavailable);
}

TEST_F(RunStartTest, AModelAgentNeedsItsProvider) {
  add_agent("triage", model());
  add_agent("lost", model("elsewhere"));

  EXPECT_EQ(start("triage")["provider"], "local");
  const Error error = refusal("create_run", {{"agent_id", "lost"}});
  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr("it has local"));
}

TEST_F(RunStartTest, ARunStartsNoRun) {
  EXPECT_EQ(refusal_in_run("create_run", {{"agent_id", "posture"}, {"input", {{"target_id", "t"}}}}).code,
            ErrorCode::forbidden);
  EXPECT_EQ(refusal_in_run("replay_run", {{"run_id", started()}}).code, ErrorCode::forbidden);
}

TEST_F(RunStartTest, BeyondTheTiersNumberRunsAreQueuedAndOnlyFarBeyondRefused) {
  run_settings_.queued_per_account_max = 3;
  const std::string running = started();
  change_run(running, [&](store::RunRow& run) {
    run.status = "running";
    run.started_at = clock_.now();
  });
  for (int i = 0; i < 3; ++i) started();

  const Error error = refusal("create_run", {{"agent_id", "posture"}, {"input", {{"target_id", "t"}}}});

  EXPECT_EQ(error.code, ErrorCode::concurrency_limit);
  EXPECT_THAT(error.message, HasSubstr(running));
  EXPECT_TRUE(error.retry_after);
}

TEST_F(RunStartTest, ARepetitionWithTheSameTokenIsAnsweredAsTheFirstTime) {
  const Json wish = {{"agent_id", "posture"}, {"input", {{"target_id", "t"}}}, {"client_token", "one"}};
  const Json first = call("create_run", wish);

  const auto again = call_as(alice_, "create_run", wish);

  ASSERT_TRUE(again);
  EXPECT_TRUE(again->is_replayed);
  EXPECT_EQ(again->structured["id"], first["id"]);
  Json other = wish;
  other["input"] = {{"target_id", "u"}};
  EXPECT_EQ(refusal("create_run", other).code, ErrorCode::idempotency_mismatch);
  EXPECT_EQ(call("list_runs", Json::object())["data"].size(), 1U);
}

TEST_F(RunStartTest, AConversationGoesOnFromARunThatEndedWell) {
  add_agent("triage", model());
  add_agent("other", model());
  const std::string first = started("triage");
  const auto go_on = [&](const std::string& agent, const std::string& previous) -> Json {
    return {{"agent_id", agent}, {"previous_run_id", previous}};
  };

  EXPECT_EQ(refusal("create_run", go_on("triage", first)).code, ErrorCode::conflict);
  end_run(first, "completed");
  EXPECT_EQ(call("create_run", go_on("triage", first))["previous_run_id"], first);
  EXPECT_EQ(refusal("create_run", go_on("other", first)).fields.at(0).field, "previous_run_id");
  EXPECT_EQ(refusal_for(bob_, "create_run", go_on("triage", first)).code, ErrorCode::not_found);
  const Error of_playbook =
      refusal("create_run", {{"agent_id", "posture"}, {"input", {{"target_id", "t"}}}, {"previous_run_id", first}});
  EXPECT_EQ(of_playbook.code, ErrorCode::validation_failed);
}

TEST_F(RunStartTest, AReplayRepeatsTheVersionTheInputAndTheLimits) {
  const Json first =
      call("create_run", {{"agent_id", "posture"}, {"input", {{"target_id", "t"}}}, {"limits", {{"max_steps", 3}}}});
  write([&](store::Transaction& t) {
    return store::insert_agent_version(t, {.agent_id = agent_,
                                           .n = 2,
                                           .definition = agents::definition_json(playbook()),
                                           .created_by_key = "",
                                           .created_at = clock_.now()});
  });
  change_agent(agent_, [](store::AgentRow& agent) { agent.current_version = 2; });

  const Json again = call("replay_run", {{"run_id", first["id"]}});

  EXPECT_NE(again["id"], first["id"]);
  EXPECT_EQ(again["parent_run_id"], first["id"]);
  EXPECT_EQ(again["version"], 1);
  EXPECT_EQ(again["input"], first["input"]);
  EXPECT_EQ(again["limits"], first["limits"]);
  EXPECT_EQ(again["trigger"], "replay");
  EXPECT_EQ(queued_jobs(again["id"]).size(), 1U);
  EXPECT_EQ(refusal_for(bob_, "replay_run", {{"run_id", first["id"]}}).code, ErrorCode::not_found);
  change_agent(agent_, [&](store::AgentRow& agent) { agent.archived_at = clock_.now(); });
  EXPECT_EQ(refusal("replay_run", {{"run_id", first["id"]}}).code, ErrorCode::conflict);
}

TEST_F(RunStartTest, ACallerWhoWaitsIsAnsweredWhenAPersonIsNeeded) {
  const std::string id = started();
  const std::string asked = ask(id);
  std::jthread later([&] {
    testing::eventually([&] { return hub_->subscriptions() > 0; });
    hold(id, {asked});
    (void)database_->write([&](store::Transaction& t) -> Result<void> {
      auto event = events_->append(t, {.account_id = alice_->account_id,
                                       .resource_type = "run",
                                       .resource_id = id,
                                       .type = "run.requires_action",
                                       .data = Json::object()});
      if (!event) return event.error();
      return {};
    });
  });

  const auto before = std::chrono::steady_clock::now();
  const Json run = call("get_run", {{"run_id", id}, {"wait_seconds", 30}});

  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds{20});
  EXPECT_EQ(run["status"], "requires_action");
  EXPECT_EQ(run["required_action"]["calls"].size(), 1U);
}

}  // namespace
}  // namespace weir::tools::runs

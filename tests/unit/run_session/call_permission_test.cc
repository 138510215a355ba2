// Which calls are made at all, and which wait for a person.
#include "tests/unit/run_session/run_lab.h"

namespace weir::tools::runs {
namespace {

using agents::AgentKind;
using agents::Policy;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using CallPermissionTest = RunLab;

TEST_F(CallPermissionTest, AToolThatDoesNotExistIsDeniedNamingThoseThatDo) {
  const std::string id = running();
  Stint stint(*this, id);

  const CallOutcome outcome = stint.call("a", "format_disk");

  EXPECT_EQ(outcome.end, End::denied);
  EXPECT_EQ(outcome.error_code, "unknown_tool");
  EXPECT_THAT(outcome.text, HasSubstr("get_scan"));
  EXPECT_THAT(types(id), ElementsAre("tool_call.created", "tool_call.denied"));
  EXPECT_EQ(event(id, "tool_call.denied")["decided_by"], "policy");
  EXPECT_TRUE(caller_.made().empty());
}

TEST_F(CallPermissionTest, AToolThatTheAgentWasNotGivenIsDenied) {
  const std::string id = add_run(
      [] {
        agents::AgentDefinition agent = agent_of(AgentKind::model);
        agent.tools = {{.name = "get_scan", .policy = std::nullopt}};
        return agent;
      }(),
      [&](store::RunRow& run) { run.status = "running"; });
  Stint stint(*this, id);

  EXPECT_EQ(stint.call("a", "list_findings").error_code, "tool_not_allowed");
  EXPECT_EQ(stint.session.tools().size(), 1U);
}

TEST_F(CallPermissionTest, NobodysGrantGivesAToolThatNoAgentMayHave) {
  directory_.add("respond_run").is_grantable = false;
  Stint stint(*this, running(AgentKind::model, {{.name = "respond_run", .policy = Policy::allow}}));

  const CallOutcome outcome = stint.call("a", "respond_run");

  EXPECT_EQ(outcome.end, End::denied);
  EXPECT_TRUE(caller_.made().empty());
}

TEST_F(CallPermissionTest, TheOwnersScopesBoundTheRun) {
  directory_.add("admin_thing").scope = Scope::admin;
  Stint stint(*this, running(AgentKind::model, {{.name = "admin_thing", .policy = Policy::allow}}));

  EXPECT_EQ(stint.call("a", "admin_thing").error_code, "insufficient_scope");
}

TEST_F(CallPermissionTest, WrongArgumentsFailBeforeAnythingIsCalled) {
  CallableTool& strict = directory_.add("strict");
  strict.input_schema = {{"type", "object"}, {"properties", {{"n", {{"type", "integer"}}}}}, {"required", {"n"}}};
  const std::string id = running(AgentKind::model, {{.name = "strict", .policy = std::nullopt}});
  Stint stint(*this, id);

  const CallOutcome outcome = stint.call("a", "strict", {{"n", "three"}});

  EXPECT_EQ(outcome.end, End::failed);
  EXPECT_EQ(outcome.error_code, "validation_failed");
  EXPECT_THAT(outcome.text, HasSubstr("n is the string \"three\""));
  EXPECT_TRUE(caller_.made().empty());
  EXPECT_THAT(types(id), ElementsAre("tool_call.created", "tool_call.failed"));
}

TEST_F(CallPermissionTest, AModelThatRepeatsItselfIsStoppedAfterThreeTimes) {
  Stint stint(*this, running(AgentKind::model));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(stint.call("t" + std::to_string(i), "get_scan", {{"n", 1}}).end, End::completed);

  EXPECT_EQ(stint.call("t3", "get_scan", {{"n", 1}}).error_code, "loop_detected");
  EXPECT_EQ(stint.call("t4", "get_scan", {{"n", 2}}).end, End::completed);
  EXPECT_EQ(caller_.count("get_scan"), 4U);
}

TEST_F(CallPermissionTest, APlaybookMayPoll) {
  Stint stint(*this, running(AgentKind::playbook));

  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(stint.call("p" + std::to_string(i), "get_scan", {{"n", 1}}).end, End::completed);
}

TEST_F(CallPermissionTest, MoreCallsThanTheLimitAreNotMadeAndLeaveNoRecord) {
  const std::string id =
      running(AgentKind::playbook, {}, [](agents::AgentDefinition& agent) { agent.limits.max_tool_calls = 2; });
  Stint stint(*this, id);
  stint.call("a", "get_scan");
  stint.call("b", "get_scan");

  const CallOutcome outcome = stint.call("c", "get_scan");

  EXPECT_EQ(outcome.end, End::refused_by_limit);
  EXPECT_EQ(outcome.error_code, "max_tool_calls");
  EXPECT_EQ(calls(id).size(), 2U);
}

TEST_F(CallPermissionTest, AScanOfAModelWaitsForAPersonAndIsNotMade) {
  const std::string id = running(AgentKind::model);
  Stint stint(*this, id);

  const CallOutcome outcome = stint.call("a", "create_scan", {{"target_id", "tgt_1"}});

  EXPECT_EQ(outcome.end, End::awaiting_approval);
  EXPECT_TRUE(caller_.made().empty());
  EXPECT_THAT(types(id), ElementsAre("tool_call.created", "tool_call.approval_requested"));
  const Json asked = event(id, "tool_call.approval_requested");
  EXPECT_EQ(asked["arguments"]["target_id"], "tgt_1");
  EXPECT_EQ(asked["arguments_sha256"], arguments_hash({{"target_id", "tgt_1"}}));
  EXPECT_EQ(calls(id).back().approval["required_by"], "default");
}

TEST_F(CallPermissionTest, AScanOfAPlaybookIsMade) {
  Stint stint(*this, running(AgentKind::playbook));

  EXPECT_EQ(stint.call("a", "create_scan", {{"target_id", "tgt_1"}}).end, End::completed);
}

TEST_F(CallPermissionTest, AStepMayAskForApprovalOfAnything) {
  Stint stint(*this, running(AgentKind::playbook));
  CallWish wish;
  wish.must_ask = true;

  EXPECT_EQ(stint.call("a", "get_scan", Json::object(), wish).end, End::awaiting_approval);
}

TEST_F(CallPermissionTest, AfterOthersTextAModelsScanIsHeldEvenIfItsGrantAllowsIt) {
  const std::string id = running(AgentKind::model, {{.name = "create_scan", .policy = Policy::allow}});
  Stint stint(*this, id);
  EXPECT_EQ(stint.call("a", "create_scan", {{"target_id", "tgt_1"}}).end, End::completed);
  stint.call("b", "list_findings");

  EXPECT_EQ(stint.call("c", "create_scan", {{"target_id", "tgt_2"}}).end, End::awaiting_approval);
  EXPECT_EQ(calls(id).back().approval["required_by"], "taint");
  EXPECT_EQ(stint.call("d", "get_scan").end, End::completed);
}

TEST_F(CallPermissionTest, AfterOthersTextAHostThatIsNoTargetIsRefusedByCode) {
  add_target("good.example");
  Stint stint(*this, running(AgentKind::model, {{.name = "create_scan", .policy = Policy::allow}}));
  stint.call("a", "list_findings");

  const CallOutcome evil = stint.call("b", "create_scan", {{"url", "https://evil.example/"}});

  EXPECT_EQ(evil.end, End::denied);
  EXPECT_EQ(evil.error_code, "host_not_registered");
  EXPECT_THAT(evil.text, HasSubstr("evil.example"));
  EXPECT_EQ(stint.call("c", "create_scan", {{"url", "https://good.example/"}}).end, End::awaiting_approval);
  EXPECT_EQ(caller_.count("create_scan"), 0U);
}

TEST_F(CallPermissionTest, APlaybooksArgumentThatReadsOthersTextIsHeldAndTheOthersAreNot) {
  Stint stint(*this, running(AgentKind::playbook));
  stint.call("a", "list_findings");
  CallWish influenced;
  influenced.is_influenced = true;

  EXPECT_EQ(stint.call("b", "create_scan", {{"target_id", "tgt_1"}}).end, End::completed);
  EXPECT_EQ(stint.call("c", "create_scan", {{"target_id", "tgt_2"}}, influenced).end, End::awaiting_approval);
}

TEST_F(CallPermissionTest, TheKillSwitchStopsEveryCall) {
  settings_.are_tools_stopped = true;
  Stint stint(*this, running());

  EXPECT_EQ(stint.call("a", "get_scan").error_code, "tools_stopped");
  EXPECT_TRUE(caller_.made().empty());
}

}  // namespace
}  // namespace weir::tools::runs

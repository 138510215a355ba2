#include "tools/runs/tool_policy.h"

#include <gtest/gtest.h>

namespace weir::tools::runs {
namespace {

using agents::AgentKind;
using agents::Policy;

CallableTool tool(const std::string& name, Annotations annotations) {
  CallableTool made;
  made.name = name;
  made.annotations = annotations;
  return made;
}
const CallableTool kReader = tool("get_scan", {.is_read_only = true});
const CallableTool kScan = tool("create_scan", {.is_open_world = true});
const CallableTool kStatus = tool("update_finding_status", {.is_idempotent = true});
CallableTool external() {
  CallableTool made = tool("files__read", {.is_read_only = true});
  made.source = "mcp:files";
  return made;
}
agents::AgentDefinition agent(AgentKind kind, std::vector<agents::ToolGrant> grants = {}) {
  agents::AgentDefinition made;
  made.kind = kind;
  made.tools = std::move(grants);
  return made;
}
Policy ruled(const agents::AgentDefinition& of, const CallableTool& what, const Json& arguments = Json::object(),
             CallTraits traits = {}) {
  return rule_on(of, what, arguments, traits).policy;
}

TEST(ToolPolicyTest, WhatOnlyReadsIsAllowedAndWhatChangesIsAskedForOfModels) {
  EXPECT_EQ(default_policy(kReader, AgentKind::model), Policy::allow);
  EXPECT_EQ(default_policy(kReader, AgentKind::playbook), Policy::allow);
  EXPECT_EQ(default_policy(kScan, AgentKind::model), Policy::ask);
  EXPECT_EQ(default_policy(kScan, AgentKind::playbook), Policy::allow);
  EXPECT_EQ(default_policy(kStatus, AgentKind::model), Policy::ask);
  EXPECT_EQ(default_policy(kStatus, AgentKind::playbook), Policy::allow);
  EXPECT_EQ(default_policy(tool("erase", {.is_destructive = true}), AgentKind::playbook), Policy::ask);
}

TEST(ToolPolicyTest, AToolOfAnotherServerIsAskedForWhateverItsAnnotationsSay) {
  EXPECT_EQ(default_policy(external(), AgentKind::model), Policy::ask);
  EXPECT_EQ(default_policy(external(), AgentKind::playbook), Policy::ask);
  EXPECT_TRUE(is_consequential(external()));
}

TEST(ToolPolicyTest, DismissingAFindingAlwaysNeedsAPersonEvenIfTheGrantAllowsIt) {
  const auto of = agent(AgentKind::playbook, {{.name = "update_finding_status", .policy = Policy::allow}});

  EXPECT_EQ(ruled(of, kStatus, {{"status", "accepted_risk"}}), Policy::ask);
  EXPECT_EQ(ruled(of, kStatus, {{"status", "false_positive"}}), Policy::ask);
  EXPECT_EQ(ruled(of, kStatus, {{"status", "fixed"}}), Policy::allow);
}

TEST(ToolPolicyTest, AGrantMakesTheDefaultStricterOrLooser) {
  EXPECT_EQ(ruled(agent(AgentKind::model, {{.name = "create_scan", .policy = Policy::allow}}), kScan), Policy::allow);
  EXPECT_EQ(ruled(agent(AgentKind::model, {{.name = "get_scan", .policy = Policy::ask}}), kReader), Policy::ask);
  EXPECT_EQ(ruled(agent(AgentKind::model, {{.name = "get_scan", .policy = Policy::deny}}), kReader), Policy::deny);
}

TEST(ToolPolicyTest, UnderTheInfluenceOfOthersTextWhatReachesOutIsAskedForWhateverTheGrantSays) {
  const auto of = agent(AgentKind::model, {{.name = "create_scan", .policy = Policy::allow}});

  const Ruling ruling = rule_on(of, kScan, Json::object(), {.is_influenced = true});

  EXPECT_EQ(ruling.policy, Policy::ask);
  EXPECT_EQ(ruling.required_by, "taint");
  EXPECT_EQ(ruled(of, kReader, Json::object(), {.is_influenced = true}), Policy::allow);
}

TEST(ToolPolicyTest, AStepThatAsksForApprovalGetsIt) {
  EXPECT_EQ(rule_on(agent(AgentKind::playbook), kReader, Json::object(), {.must_ask = true}).required_by, "playbook");
}

TEST(ToolPolicyTest, NobodyGetsKeysTargetsAgentsRunsOrWhatDeletes) {
  for (const char* name :
       {"create_target", "verify_target", "delete_scan", "create_run", "respond_run", "replay_run"}) {
    EXPECT_FALSE(is_grantable_builtin(name, Scope::none)) << name;
  }
  for (const Scope scope : {Scope::admin, Scope::webhooks_write, Scope::agents_write, Scope::runs_run,
                            Scope::runs_approve, Scope::targets_write}) {
    EXPECT_FALSE(is_grantable_builtin("anything", scope)) << to_string(scope);
  }
  EXPECT_TRUE(is_grantable_builtin("create_scan", Scope::scans_run));
  EXPECT_TRUE(is_grantable_builtin("update_finding_status", Scope::findings_write));
  CallableTool never = tool("respond_run", {});
  never.is_grantable = false;
  const auto of = agent(AgentKind::model, {{.name = "respond_run", .policy = Policy::allow}});
  EXPECT_FALSE(is_granted(of, never));
  EXPECT_EQ(ruled(of, never), Policy::deny);
}

TEST(ToolPolicyTest, AnAgentWithoutToolsMayReadAndNothingElse) {
  EXPECT_TRUE(is_granted(agent(AgentKind::model), kReader));
  EXPECT_FALSE(is_granted(agent(AgentKind::model), kScan));
  EXPECT_FALSE(is_granted(agent(AgentKind::model), external()));
}

TEST(ToolPolicyTest, AnAllowListIsOfExactNamesServersAndThePlaybooksOwnSteps) {
  const auto named = agent(AgentKind::model, {{.name = "create_scan", .policy = std::nullopt}});
  EXPECT_TRUE(is_granted(named, kScan));
  EXPECT_FALSE(is_granted(named, kReader));
  auto of_server = named;
  of_server.mcp_servers = {"files"};
  EXPECT_TRUE(is_granted(of_server, external()));
  auto playbook = agent(AgentKind::playbook);
  agents::Step step;
  step.tool = "create_scan";
  playbook.playbook.steps.push_back(step);
  EXPECT_TRUE(is_granted(playbook, kScan));
  EXPECT_FALSE(is_granted(playbook, kStatus));
}

TEST(ToolPolicyTest, WhatRunsAndOtherAccountsWroteIsTextOfOthersToo) {
  for (const char* name : {"get_finding", "get_report", "list_events", "get_run", "list_run_events",
                           "list_run_tool_calls", "get_agent", "list_agents", "list_tools"}) {
    EXPECT_TRUE(is_tainting_builtin(name)) << name;
  }
  for (const char* name : {"get_scan", "list_scans", "list_targets", "get_quota", "create_scan"}) {
    EXPECT_FALSE(is_tainting_builtin(name)) << name;
  }
}

}  // namespace
}  // namespace weir::tools::runs

#include "tools/runs/tool_policy.h"

#include <algorithm>
#include <array>

namespace weir::tools::runs {
namespace {

using agents::AgentDefinition;
using agents::AgentKind;
using agents::Policy;

constexpr std::string_view kCreateScan = "create_scan";
constexpr std::string_view kUpdateFinding = "update_finding_status";

const agents::ToolGrant* grant_of(const AgentDefinition& agent, std::string_view name) {
  const auto found = std::ranges::find(agent.tools, name, &agents::ToolGrant::name);
  return found == agent.tools.end() ? nullptr : &*found;
}

bool is_step_of(const AgentDefinition& agent, std::string_view name) {
  return agent.kind == AgentKind::playbook &&
         std::ranges::any_of(agent.playbook.steps, [&](const agents::Step& step) { return step.tool == name; });
}

bool is_of_granted_server(const AgentDefinition& agent, const CallableTool& tool) {
  constexpr std::string_view kPrefix = "mcp:";
  if (!tool.source.starts_with(kPrefix)) return false;
  const std::string_view alias = std::string_view(tool.source).substr(kPrefix.size());
  return std::ranges::find(agent.mcp_servers, alias) != agent.mcp_servers.end();
}

// A person answers for saying that a risk is accepted or that a finding is none.
bool dismisses_finding(const CallableTool& tool, const Json& arguments) {
  if (tool.name != kUpdateFinding) return false;
  const std::string status = string_or(arguments, "status", "");
  return status == "accepted_risk" || status == "false_positive";
}

}  // namespace

bool is_grantable_builtin(std::string_view name, Scope scope) {
  switch (scope) {
    case Scope::admin:
    case Scope::webhooks_write:
    case Scope::targets_write:
    case Scope::agents_write:
    case Scope::runs_run:  // depth 1: a run starts no runs
    case Scope::runs_approve: return false;
    default: break;
  }
  constexpr std::array<std::string_view, 8> kNever = {"create_target", "verify_target", "attest_target",
                                                      "create_run",    "respond_run",   "replay_run",
                                                      "cancel_run",    "stop_all_scans"};
  return !name.starts_with("delete_") && std::ranges::find(kNever, name) == kNever.end();
}

bool is_tainting_builtin(std::string_view name) {
  // Runs hold what their tools answered; public agents and external tools are described by others.
  constexpr std::array<std::string_view, 18> kTainting = {
      "list_findings",     "get_finding", "get_report",      "list_scan_checks",    "compare_scans",
      "check_gate",        "list_events", "get_run",         "get_finding_history", "update_finding_status",
      "list_runs",         "list_agents", "list_run_events", "get_agent",           "list_run_tool_calls",
      "get_agent_version", "list_tools",  "list_agent_tools"};
  return std::ranges::find(kTainting, name) != kTainting.end();
}

bool is_consequential(const CallableTool& tool) {
  return tool.is_external() || tool.annotations.is_open_world || tool.annotations.is_destructive;
}

Policy default_policy(const CallableTool& tool, AgentKind kind) {
  if (!tool.is_grantable) return Policy::deny;
  if (tool.is_external()) return Policy::ask;
  if (tool.annotations.is_read_only) return Policy::allow;
  // What a playbook does was written down by a person; what a model does was not.
  const bool is_harmless = tool.name == kCreateScan || !is_consequential(tool);
  return kind == AgentKind::playbook && is_harmless ? Policy::allow : Policy::ask;
}

bool is_granted(const AgentDefinition& agent, const CallableTool& tool) {
  if (!tool.is_grantable) return false;
  if (grant_of(agent, tool.name) != nullptr || is_step_of(agent, tool.name) || is_of_granted_server(agent, tool)) {
    return true;
  }
  return agent.tools.empty() && !tool.is_external() && tool.annotations.is_read_only;
}

Ruling rule_on(const AgentDefinition& agent, const CallableTool& tool, const Json& arguments,
               const CallTraits& traits) {
  if (!tool.is_grantable) {
    return {.policy = Policy::deny, .required_by = "server", .reason = "No agent may call " + tool.name + "."};
  }
  const agents::ToolGrant* const grant = grant_of(agent, tool.name);
  if (grant != nullptr && grant->policy == Policy::deny) {
    return {
        .policy = Policy::deny, .required_by = "agent", .reason = "This agent's definition denies " + tool.name + "."};
  }
  if (dismisses_finding(tool, arguments)) {
    return {.policy = Policy::ask,
            .required_by = "server",
            .reason = "Setting a finding to " + string_or(arguments, "status", "") + " always needs a person."};
  }
  if (traits.is_influenced && is_consequential(tool)) {
    return {.policy = Policy::ask,
            .required_by = "taint",
            .reason = "The run holds text that others wrote, and " + tool.name +
                      (tool.is_external() ? " belongs to an external server."
                                          : " reaches beyond this server or cannot be undone.")};
  }
  if (traits.must_ask) {
    return {.policy = Policy::ask, .required_by = "playbook", .reason = "The playbook asks for approval of this step."};
  }
  if (grant != nullptr && grant->policy == Policy::ask) {
    return {.policy = Policy::ask,
            .required_by = "agent",
            .reason = "This agent's definition asks for approval of " + tool.name + "."};
  }
  if (grant != nullptr && grant->policy == Policy::allow) return {};
  if (default_policy(tool, agent.kind) == Policy::allow) return {};
  return {.policy = Policy::ask,
          .required_by = "default",
          .reason = tool.is_external()
                        ? "Tools of external servers need approval unless the agent's definition allows them."
                        : tool.name +
                              " changes something, so it needs approval unless the agent's definition "
                              "allows it."};
}

}  // namespace weir::tools::runs

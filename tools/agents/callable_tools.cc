#include "tools/agents/callable_tools.h"

#include "base/log.h"
#include "tools/parameters.h"
#include "tools/runs/tool_policy.h"

namespace weir::tools::agents {
namespace {

namespace p = parameters;

constexpr std::size_t kDescriptionShownMax = 300;

Json tool_json(const runs::CallableTool& tool) {
  return {{"name", tool.name},
          {"title", tool.title},
          {"description", printable(tool.description, kDescriptionShownMax)},
          {"source", tool.source},
          {"scope", tool.scope == Scope::none ? Json(nullptr) : Json(to_string(tool.scope))},
          {"reads_only", !tool.is_external() && tool.annotations.is_read_only},
          {"is_tainting", tool.is_tainting},
          {"policy",
           {{"playbook", to_string(runs::default_policy(tool, AgentKind::playbook))},
            {"model", to_string(runs::default_policy(tool, AgentKind::model))}}},
          {"input_schema", tool.input_schema}};
}

Json tool_schema() {
  const std::vector<std::string> policies = {"allow", "ask", "deny"};
  return p::answer({{"name", p::text("For a step's tool or an agent's tools.")},
                    {"title", p::text("For people.")},
                    {"description", p::text("What it does, shortened. An external server's was written by others.")},
                    {"source", p::text("builtin, or mcp:<alias>.")},
                    {"scope", p::nullable(p::text("What the key of whoever runs the agent needs."))},
                    {"reads_only", p::boolean("Whether it changes nothing.")},
                    {"is_tainting", p::boolean("Whether its answers hold text that others wrote.")},
                    {"policy", p::answer({{"playbook", p::one_of("In a playbook.", policies)},
                                          {"model", p::one_of("When a model calls it.", policies)}},
                                         {}, "What becomes of a call if the agent does not say.")},
                    {"input_schema", p::object("Its arguments.")}},
                   {}, "A tool that agents may call.");
}

Result<ToolResult> list_tools(const Services& services) {
  ToolResult result;
  result.structured = {{"data", Json::array()}};
  for (const runs::CallableTool& tool : services.runs->directory.all()) {
    if (tool.is_grantable) result.structured["data"].push_back(tool_json(tool));
  }
  result.summary = std::to_string(result.structured["data"].size()) + " tools that agents may call.";
  return result;
}

}  // namespace

std::vector<Tool> callable_tool_tools(const Services& services) {
  Tool list{
      .name = "list_agent_tools",
      .title = "List the tools for agents",
      .description =
          "Lists the tools that an agent's steps or its model may call, built in and of external MCP servers, with "
          "their "
          "arguments and with what becomes of a call by default: made, held for a person, or refused. Costs 1 unit.",
      .input_schema = p::arguments({}),
      .output_schema = p::answer({{"data", p::list("The tools.", tool_schema())}}),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::agents_read,
      .rest = RestRoute{"GET", "/v1/agent-tools", 200},
      .handler = [&services](const CallContext&, const Json&) { return list_tools(services); },
  };
  Tool alias = list;
  alias.name = "list_tools";
  alias.title = "List tools";
  alias.description = "The same as list_agent_tools: the tools that agents may call. Costs 1 unit.";
  alias.rest.reset();
  return {std::move(list), std::move(alias)};
}

}  // namespace weir::tools::agents

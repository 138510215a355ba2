#include "tools/agents/agent_parameters.h"

#include "tools/agents/agent_slug.h"
#include "tools/agents/agent_tools.h"

namespace weir::tools::agents {
namespace {

namespace p = parameters;

Json any(std::string_view description) { return {{"description", description}}; }

}  // namespace

Json agent_parameter() {
  return p::text("The agent's id or its slug, such as posture-check.", {.length_min = 1, .length_max = 64});
}

p::Members agent_parameters() {
  return {
      {"name", p::text("A name for people.", {.length_min = 1, .length_max = kAgentNameCharsMax})},
      {"slug", p::text("Its name in commands: a-z, 0-9 and hyphens; made from the name if left out.",
                       {.length_min = 1, .length_max = static_cast<std::int64_t>(kSlugBytesMax)})},
      {"description", p::text("What it does, for people and models that choose among agents.",
                              {.length_min = 0, .length_max = kAgentDescriptionCharsMax})},
      {"is_public", p::boolean("Whether every account may read and run it; false if left out.")},
      {"is_enabled", p::boolean("False: no run of it starts or goes on; true if left out.")},
      {"kind", any("playbook or model; told from the other members if left out.")},
      {"playbook", any("{steps: [{id, tool, args, when, for_each, max_items, until, on_error: stop|continue|retry, "
                       "max_attempts, timeout_s, "
                       "approve: never|always, output_as, needs: [ids]}], output}. Texts may hold ${...}: inputs.x, "
                       "steps.ID.result.member, "
                       "steps.ID.results (of for_each), item, index, result (in until). Without any needs the steps "
                       "run one after the other.")},
      {"pipeline_type", any("Short form of a playbook, with `tools`: simple (one tool), sequential (a chain), graph or "
                            "dag (graph_edges).")},
      {"graph_edges", any("[{source, target}] of the short form: names among `tools`.")},
      {"provider", any("Of a model agent: one of this server's model providers.")},
      {"model", any("Of a model agent: the model's name; the provider's default if left out.")},
      {"instructions", any("Of a model agent: what it is to do.")},
      {"temperature", any("Of a model agent: 0 to 2.")},
      {"tools", any("What it may call: names, or {name, policy: allow|ask|deny}. A playbook's steps are added; a model "
                    "agent without "
                    "any may read.")},
      {"mcp_servers", any("Aliases of external MCP servers whose approved tools it may call.")},
      {"limits",
       any("Bounds of one run: max_steps, max_tool_calls, max_parallel, wall_s, approval_ttl_s, same_call_max, "
           "max_output_tokens, max_total_tokens, max_cost_microusd.")},
      {"input_schema", any("JSON Schema of a run's input, an object; without $ref and pattern.")},
      {"output_schema", any("JSON Schema that a run's output must fit.")},
  };
}

}  // namespace weir::tools::agents

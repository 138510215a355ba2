#include "tools/agents/agent_tools.h"

#include <algorithm>

#include "tools/agents/agent_changes.h"
#include "tools/agents/agent_parameters.h"
#include "tools/agents/agent_views.h"
#include "tools/agents/callable_tools.h"
#include "tools/idempotency.h"
#include "tools/lookup.h"
#include "tools/paging.h"
#include "tools/parameters.h"

namespace weir::tools::agents {
namespace {

namespace p = parameters;

using Handler = Result<ToolResult> (*)(const Services&, const CallContext&, const Json&);

std::string agent_argument(const Json& arguments) { return string_or(arguments, "agent_id", ""); }

bool wants_versions(const Json& arguments) {
  const Json* include = find_member(arguments, "include");
  return include != nullptr && std::find(include->begin(), include->end(), "versions") != include->end();
}

ToolResult details(const AgentWithVersion& made, const CallContext& context,
                   const std::vector<store::AgentVersionRow>& versions = {}) {
  ToolResult result;
  result.structured = agent_details_json(made.agent, made.version, versions, *context.caller);
  result.summary = agent_summary(made.agent);
  return result;
}

Result<ToolResult> list_agents(const Services& services, const CallContext& context, const Json& arguments) {
  Result<store::PageRequest> page = page_request(arguments, "agt");
  if (!page) return std::move(page).error();
  const store::AgentFilter filter{.account_id = context.caller->account_id,
                                  .kind = string_or(arguments, "kind", ""),
                                  .query = string_or(arguments, "query", "")};
  auto agents = services.database.read_for(
      [&](store::Transaction& transaction) { return store::list_agents(transaction, filter, *page); });
  if (!agents) return std::move(agents).error();
  ToolResult result;
  result.structured = {{"data", Json::array()}, {"next_cursor", next_cursor(agents->next_after_id)}};
  for (const store::AgentRow& agent : agents->items) {
    result.structured["data"].push_back(agent_json(agent, *context.caller));
    result.summary += (result.summary.empty() ? "Agents: " : ", ") + agent.slug;
  }
  result.summary += result.summary.empty()  ? "No agents. Make one with create_agent."
                    : agents->next_after_id ? ", and more."
                                            : ".";
  return result;
}

Result<ToolResult> get_agent(const Services& services, const CallContext& context, const Json& arguments) {
  AgentWithVersion found;
  std::vector<store::AgentVersionRow> versions;
  Result<void> read = services.database.read([&](store::Transaction& transaction) -> Result<void> {
    Result<store::AgentRow> agent = find_agent(transaction, context, agent_argument(arguments));
    if (!agent) return std::move(agent).error();
    found.agent = std::move(*agent);
    auto version = store::agent_version(transaction, found.agent.id, found.agent.current_version);
    if (!version) return std::move(version).error();
    found.version = std::move(*version);
    if (!wants_versions(arguments)) return {};
    auto all = store::agent_versions(transaction, found.agent.id);
    if (!all) return std::move(all).error();
    versions = std::move(*all);
    return {};
  });
  if (!read) return std::move(read).error();
  ToolResult result = details(found, context, versions);
  result.summary += " " + found.agent.description + " Start it with create_run.";
  return result;
}

Result<ToolResult> create(const Services& services, const CallContext& context, const Json& arguments) {
  Result<ClientToken> token = client_token_of(context, arguments);
  if (!token) return std::move(token).error();
  Result<AgentDefinition> definition = checked_definition(services, definition_part(arguments));
  if (!definition) return std::move(definition).error();
  auto made = services.database.write_for([&](store::Transaction& transaction) {
    return create_once(transaction, context, *token, "create_agent", services.clock.now(),
                       [&](store::Transaction& inner) -> Result<Json> {
                         Result<AgentWithVersion> agent =
                             create_agent(services, context, arguments, *definition, inner);
                         if (!agent) return std::move(agent).error();
                         return agent_details_json(agent->agent, agent->version, {}, *context.caller);
                       });
  });
  if (!made) return std::move(made).error();
  ToolResult result;
  result.structured = std::move(made->answer);
  result.is_replayed = made->is_replayed;
  const std::string slug = string_or(result.structured, "slug", "");
  result.summary = "Created agent " + slug + " (" + string_or(result.structured, "id", "") +
                   "). Start it with create_run {\"agent_id\": \"" + slug + "\", \"input\": {...}}.";
  return result;
}

Result<ToolResult> update(const Services& services, const CallContext& context, const Json& arguments) {
  auto made = services.database.write_for(
      [&](store::Transaction& transaction) { return update_agent(services, context, arguments, transaction); });
  if (!made) return std::move(made).error();
  return details(*made, context);
}

Result<ToolResult> delete_agent(const Services& services, const CallContext& context, const Json& arguments) {
  auto agent = services.database.write_for([&](store::Transaction& transaction) {
    return archive_agent(services, context, agent_argument(arguments), transaction);
  });
  if (!agent) return std::move(agent).error();
  ToolResult result;
  result.structured = {{"id", agent->id}, {"deleted", true}};
  result.summary = "Deleted agent " + agent->slug + " (" + agent->id + "). Its past runs stay readable.";
  return result;
}

Result<ToolResult> validate(const Services& services, const CallContext&, const Json& arguments) {
  Result<AgentDefinition> definition = checked_definition(services, definition_part(arguments));
  ToolResult result;
  result.structured = {{"is_valid", definition.has_value()},
                       {"errors", Json::array()},
                       {"definition", definition ? definition_json(*definition) : Json(nullptr)}};
  if (definition) {
    result.summary = "The definition is valid; nothing was stored.";
    return result;
  }
  for (const FieldError& field : definition.error().fields) {
    result.structured["errors"].push_back({{"field", field.field}, {"message", field.message}});
  }
  result.summary = definition.error().message + " Nothing was stored.";
  return result;
}

Result<ToolResult> list_versions(const Services& services, const CallContext& context, const Json& arguments) {
  ToolResult result;
  Result<void> read = services.database.read([&](store::Transaction& transaction) -> Result<void> {
    Result<store::AgentRow> agent = find_agent(transaction, context, agent_argument(arguments));
    if (!agent) return std::move(agent).error();
    auto versions = store::agent_versions(transaction, agent->id);
    if (!versions) return std::move(versions).error();
    const Owner owner = agent->account_id == context.caller->account_id ? Owner::caller : Owner::other;
    result.structured = {{"agent_id", agent->id}, {"current_version", agent->current_version}, {"data", Json::array()}};
    for (const store::AgentVersionRow& version : *versions) {
      result.structured["data"].push_back(version_entry_json(version, owner));
    }
    result.summary = "Agent " + agent->slug + " has " + std::to_string(versions->size()) + " versions; new runs use " +
                     std::to_string(agent->current_version) + ".";
    return {};
  });
  if (!read) return std::move(read).error();
  return result;
}

Result<ToolResult> get_version(const Services& services, const CallContext& context, const Json& arguments) {
  const std::int64_t n = integer_or(arguments, "n", 0);
  ToolResult result;
  Result<void> read = services.database.read([&](store::Transaction& transaction) -> Result<void> {
    Result<store::AgentRow> agent = find_agent(transaction, context, agent_argument(arguments));
    if (!agent) return std::move(agent).error();
    if (n < 1 || n > agent->current_version) {
      return Error(ErrorCode::not_found, "Agent " + agent->slug + " has no version " + std::to_string(n) +
                                             "; it has 1 to " + std::to_string(agent->current_version) + ".");
    }
    auto version = store::agent_version(transaction, agent->id, n);
    if (!version) return std::move(version).error();
    const Owner owner = agent->account_id == context.caller->account_id ? Owner::caller : Owner::other;
    result.structured = version_json(*version, owner);
    result.summary = "Version " + std::to_string(n) + " of agent " + agent->slug + ".";
    return {};
  });
  if (!read) return std::move(read).error();
  return result;
}

struct Declared {
  std::string name;
  std::string title;
  std::string description;
  Scope scope = Scope::agents_read;
  std::optional<RestRoute> rest;
};

Tool tool(const Services& services, Declared declared, Json input, Json output, Annotations annotations,
          Handler handler) {
  return {.name = std::move(declared.name),
          .title = std::move(declared.title),
          .description = std::move(declared.description),
          .input_schema = std::move(input),
          .output_schema = std::move(output),
          .annotations = annotations,
          .scope = declared.scope,
          .rest = std::move(declared.rest),
          .handler = [&services, handler](const CallContext& context, const Json& arguments) {
            return handler(services, context, arguments);
          }};
}

constexpr Annotations kReads{.is_read_only = true, .is_idempotent = true};

std::vector<Tool> reading_tools(const Services& services) {
  p::Members filters = {{"kind", p::one_of("Only agents of this kind.", {"playbook", "model"})},
                        {"query", p::text("Only agents whose slug, name or description holds this.",
                                          {.length_min = 1, .length_max = 100})}};
  for (auto& member : p::page_members()) filters.push_back(std::move(member));
  return {
      tool(services,
           {"list_agents", "List agents",
            "Lists the assistants that can be run: your account's and the public ones. playbook agents follow fixed "
            "steps and do not "
            "reason; model agents let a language model choose. Costs 1 unit. Next: get_agent for what one takes, "
            "create_run.",
            Scope::agents_read, RestRoute{"GET", "/v1/agents", 200}},
           p::arguments(filters), p::page_answer("A page of agents.", agent_schema()), kReads, list_agents),
      tool(services,
           {"get_agent", "Get an agent",
            "Reads one agent in full: definition, input_schema (what create_run's input must hold), tools and limits. "
            "Costs 1 unit.",
            Scope::agents_read, RestRoute{"GET", "/v1/agents/{agent_id}", 200}},
           p::arguments({{"agent_id", agent_parameter()},
                         {"include", p::list("What else to add.", p::one_of("An addition.", {"versions"}), 1)}},
                        {"agent_id"}),
           agent_details_schema(), kReads, get_agent),
      tool(services,
           {"list_agent_versions", "List the versions of an agent",
            "Lists an agent's versions, newest first, without their definitions. Versions never change. Costs 1 unit.",
            Scope::agents_read, RestRoute{"GET", "/v1/agents/{agent_id}/versions", 200}},
           p::arguments({{"agent_id", agent_parameter()}}, {"agent_id"}),
           p::answer({{"agent_id", p::text("The agent.")},
                      {"current_version", p::integer("What new runs use.")},
                      {"data", p::list("Newest first.", version_entry_schema())}}),
           kReads, list_versions),
      tool(services,
           {"get_agent_version", "Get a version of an agent", "Reads one version's definition. Costs 1 unit.",
            Scope::agents_read, RestRoute{"GET", "/v1/agents/{agent_id}/versions/{n}", 200}},
           p::arguments(
               {{"agent_id", agent_parameter()},
                {"n", p::integer("The version's number.", {.minimum = 1, .maximum = store::kAgentVersionsMax})}},
               {"agent_id", "n"}),
           version_schema(), kReads, get_version),
      tool(services,
           {"validate_agent", "Check an agent's definition",
            "Checks a definition as create_agent would and says everything that is wrong, with the path of each "
            "mistake. Stores "
            "nothing. Also returns the definition as it would be stored (the short form expanded). Costs 1 unit.",
            Scope::agents_read, RestRoute{"POST", "/v1/agents/validate", 200}},
           p::arguments(agent_parameters()),
           p::answer({{"is_valid", p::boolean("Whether create_agent would take it.")},
                      {"errors", p::list("What is wrong, at most 20.",
                                         p::answer({{"field", p::text("Its path.")},
                                                    {"message", p::text("What came, what is expected.")}}))},
                      {"definition", p::nullable(p::object("As it would be stored; null if it is not valid."))}}),
           kReads, validate),
  };
}

std::vector<Tool> changing_tools(const Services& services) {
  p::Members inputs = agent_parameters();
  inputs.emplace_back("client_token",
                      p::text("Makes a repetition of this very request safe for 24 hours; any unique text.",
                              {.length_min = 1, .length_max = 128}));
  p::Members changes = agent_parameters();
  changes.emplace_back("agent_id", agent_parameter());
  changes.emplace_back("expected_version", p::integer("Refuse if the agent is not at this version any more.",
                                                      {.minimum = 1, .maximum = store::kAgentVersionsMax}));
  return {
      tool(services,
           {"create_agent", "Create an agent",
            "Creates an assistant: a playbook of tool steps (long form, or the short form {tools, pipeline_type}), or "
            "a model with "
            "instructions. It can only call the tools that it names (list_agent_tools), with the rights of whoever "
            "runs it. Check "
            "it first with validate_agent. Costs 1 unit. Next: create_run.",
            Scope::agents_write, RestRoute{"POST", "/v1/agents", 201}},
           p::arguments(inputs, {"name"}), agent_details_schema(), {}, create),
      tool(services,
           {"update_agent", "Change an agent",
            "Changes an agent of your account. Members that are left out stay. A definition that differs becomes a new "
            "version; runs "
            "that were started keep theirs. is_enabled false stops its runs, too. Costs 1 unit.",
            Scope::agents_write, RestRoute{"PATCH", "/v1/agents/{agent_id}", 200}},
           p::arguments(changes, {"agent_id"}), agent_details_schema(), {}, update),
      tool(services,
           {"delete_agent", "Delete an agent",
            "Removes an agent of your account: it can no longer be run, and its slug is free. Past runs stay readable. "
            "Costs 1 unit. "
            "Ask the user first.",
            Scope::agents_write, RestRoute{"DELETE", "/v1/agents/{agent_id}", 200}},
           p::arguments({{"agent_id", agent_parameter()}}, {"agent_id"}),
           p::answer({{"id", p::text("The agent's id.")}, {"deleted", p::boolean("Always true.")}}),
           {.is_destructive = true, .is_idempotent = true}, delete_agent),
  };
}

}  // namespace

std::vector<Tool> agent_tools(const Services& services) {
  std::vector<Tool> tools = reading_tools(services);
  for (Tool& more : changing_tools(services)) tools.push_back(std::move(more));
  for (Tool& more : callable_tool_tools(services)) tools.push_back(std::move(more));
  return tools;
}

}  // namespace weir::tools::agents

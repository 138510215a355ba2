#include "tools/agents/agent_changes.h"

#include <algorithm>
#include <array>

#include "store/audit_store.h"
#include "tools/agents/agent_slug.h"
#include "tools/agents/pipeline_form.h"
#include "tools/lookup.h"

namespace weir::tools::agents {
namespace {

// The rest of an agent's arguments are its record's.
constexpr std::array<std::string_view, 13> kDefinitionMembers = {
    "kind",        "playbook", "pipeline_type", "graph_edges", "provider",     "model",        "instructions",
    "temperature", "tools",    "mcp_servers",   "limits",      "input_schema", "output_schema"};

Result<void> audit(const Services& services, const CallContext& context, std::string action,
                   const store::AgentRow& agent, Json data, store::Transaction& transaction) {
  data["slug"] = agent.slug;
  return store::insert_audit(transaction, {.account_id = agent.account_id,
                                           .actor = context.caller->key_id,
                                           .action = std::move(action),
                                           .subject = agent.id,
                                           .data = std::move(data),
                                           .at = services.clock.now()});
}

Result<store::AgentRow> own_agent(const CallContext& context, std::string_view id_or_slug, std::string_view what,
                                  store::Transaction& transaction) {
  Result<store::AgentRow> agent = find_agent(transaction, context, id_or_slug);
  if (!agent || agent->account_id == context.caller->account_id) return agent;
  return Error(ErrorCode::forbidden, "Agent " + agent->slug + " (" + agent->id +
                                         ") is public, but another account's; only its owner may " + std::string(what) +
                                         " it. Make your own with create_agent and the definition that "
                                         "get_agent shows.");
}

Error slug_taken(const std::string& slug) {
  return Error(ErrorCode::conflict, "This account already has an agent \"" + slug +
                                        "\". Change that one with update_agent, or give another slug.");
}

Result<void> insert_version(const Services& services, const CallContext& context, const AgentDefinition& definition,
                            AgentWithVersion& made, store::Transaction& transaction) {
  made.version = {.agent_id = made.agent.id,
                  .n = made.agent.current_version,
                  .definition = definition_json(definition),
                  .created_by_key = context.caller->key_id,
                  .created_at = services.clock.now()};
  return store::insert_agent_version(transaction, made.version);
}

// Takes over what of the record is given. Returns the names of what differs.
Result<std::vector<std::string>> change_record(const Json& arguments, store::AgentRow& agent) {
  std::vector<std::string> changed;
  const auto set_text = [&](std::string_view member, std::string& text) {
    const std::string given = string_or(arguments, member, text);
    if (given != text) changed.emplace_back(member);
    text = given;
  };
  const auto set_flag = [&](std::string_view member, bool& flag) {
    const bool given = bool_or(arguments, member, flag);
    if (given != flag) changed.emplace_back(member);
    flag = given;
  };
  set_text("name", agent.name);
  set_text("description", agent.description);
  set_flag("is_public", agent.is_public);
  set_flag("is_enabled", agent.is_enabled);
  if (const auto slug = string_member(arguments, "slug")) {
    Result<std::string> checked = checked_slug(*slug);
    if (!checked) return std::move(checked).error();
    set_text("slug", agent.slug);
  }
  return changed;
}

Result<void> check_expected_version(const Json& arguments, const store::AgentRow& agent) {
  const auto expected = integer_member(arguments, "expected_version");
  if (!expected || *expected == agent.current_version) return {};
  return Error(ErrorCode::conflict, "Agent " + agent.slug + " is at version " + std::to_string(agent.current_version) +
                                        ", not " + std::to_string(*expected) +
                                        ": somebody has changed it. Read it with get_agent and "
                                        "change it again.");
}

}  // namespace

Json definition_part(const Json& arguments) {
  Json definition = Json::object();
  for (const std::string_view member : kDefinitionMembers) {
    if (const Json* value = find_member(arguments, member)) definition[std::string(member)] = *value;
  }
  return definition;
}

Result<AgentDefinition> checked_definition(const Services& services, const Json& definition) {
  DefinitionRules rules{.wall_max = services.runs->settings.wall_max, .providers = std::vector<std::string>{}};
  for (const models::ModelProviders::Info& provider : services.runs->providers.list()) {
    rules.providers->push_back(provider.name);
  }
  return parse_definition(definition, services.runs->directory, rules);
}

Result<AgentWithVersion> create_agent(const Services& services, const CallContext& context, const Json& arguments,
                                      const AgentDefinition& definition, store::Transaction& transaction) {
  AgentWithVersion made;
  store::AgentRow& agent = made.agent;
  agent.name = string_or(arguments, "name", "");
  Result<std::string> slug =
      arguments.contains("slug") ? checked_slug(string_or(arguments, "slug", "")) : slug_from(agent.name);
  if (!slug) return std::move(slug).error();
  auto count = store::count_agents(transaction, context.caller->account_id);
  if (!count) return std::move(count).error();
  if (*count >= services.runs->settings.agents_per_account_max) {
    return Error(ErrorCode::conflict, "The account already has " + std::to_string(*count) +
                                          " agents, which is the most allowed. Delete one with delete_agent.");
  }
  agent.id = services.ids.make("agt");
  agent.account_id = context.caller->account_id;
  agent.created_by_key = context.caller->key_id;
  agent.slug = *slug;
  agent.description = string_or(arguments, "description", "");
  agent.kind = std::string(to_string(definition.kind));
  agent.is_public = bool_or(arguments, "is_public", false);
  agent.is_enabled = bool_or(arguments, "is_enabled", true);
  agent.created_at = services.clock.now();
  agent.updated_at = agent.created_at;
  if (Result<void> stored = store::insert_agent(transaction, agent); !stored) {
    return stored.error().code == ErrorCode::conflict ? slug_taken(agent.slug) : std::move(stored).error();
  }
  if (Result<void> kept = insert_version(services, context, definition, made, transaction); !kept)
    return std::move(kept).error();
  const Json data = {{"kind", agent.kind}, {"is_public", agent.is_public}};
  if (Result<void> noted = audit(services, context, "agent.created", agent, data, transaction); !noted) {
    return std::move(noted).error();
  }
  return made;
}

Json patched_definition(const Json& stored, Json changes) {
  // Null is the same as leaving it out.
  for (const char* steps : {"playbook", "pipeline_type", "graph_edges"}) {
    if (const Json* given = find_member(changes, steps); given != nullptr && given->is_null()) changes.erase(steps);
  }
  Json patched = stored;
  const std::string kind_before = string_or(stored, "kind", "playbook");
  const bool has_new_kind = string_or(changes, "kind", kind_before) != kind_before;
  const bool has_new_steps = changes.contains("playbook") || is_short_form(changes);
  if (has_new_kind) {
    patched = Json::object();
  } else if (has_new_steps) {
    patched.erase("playbook");
    if (is_short_form(changes)) patched.erase("input_schema");
    const Json* playbook = find_member(changes, "playbook");
    if (playbook != nullptr && find_member(*playbook, "inputs") != nullptr) patched.erase("input_schema");
    // Grants without a policy are there because a step had the tool.
    Json grants = Json::array();
    for (const Json& grant : stored.value("tools", Json::array())) {
      if (grant.contains("policy") && !is_short_form(changes)) grants.push_back(grant);
    }
    patched["tools"] = std::move(grants);
    if (patched.contains("limits")) {
      patched["limits"].erase("max_steps");
      patched["limits"].erase("same_call_max");
    }
  }
  for (const auto& [member, value] : changes.items()) {
    if (member == "limits" && value.is_object() && patched.contains("limits"))
      patched["limits"].update(value);
    else
      patched[member] = value;
  }
  return patched;
}

Result<AgentWithVersion> update_agent(const Services& services, const CallContext& context, const Json& arguments,
                                      store::Transaction& transaction) {
  Result<store::AgentRow> found = own_agent(context, string_or(arguments, "agent_id", ""), "change", transaction);
  if (!found) return std::move(found).error();
  AgentWithVersion made{.agent = std::move(*found), .version = {}};
  store::AgentRow& agent = made.agent;
  if (Result<void> expected = check_expected_version(arguments, agent); !expected) return std::move(expected).error();
  const std::string slug_before = agent.slug;
  Result<std::vector<std::string>> changed = change_record(arguments, agent);
  if (!changed) return std::move(changed).error();
  auto version = store::agent_version(transaction, agent.id, agent.current_version);
  if (!version) return std::move(version).error();
  made.version = std::move(*version);

  if (const Json part = definition_part(arguments); !part.empty()) {
    Result<AgentDefinition> definition =
        checked_definition(services, patched_definition(made.version.definition, part));
    if (!definition) return std::move(definition).error();
    if (definition_json(*definition) != made.version.definition) {
      if (agent.current_version >= store::kAgentVersionsMax) {
        return Error(ErrorCode::conflict,
                     "Agent " + agent.slug + " has " + std::to_string(agent.current_version) +
                         " versions, which is the most allowed. Create a new agent with create_agent.");
      }
      ++agent.current_version;
      agent.kind = std::string(to_string(definition->kind));
      changed->emplace_back("definition");
      if (Result<void> kept = insert_version(services, context, *definition, made, transaction); !kept) {
        return std::move(kept).error();
      }
    }
  }
  if (changed->empty()) return made;
  if (agent.slug != slug_before) {
    auto other = store::agent_by_slug(transaction, agent.account_id, agent.slug);
    if (other && other->account_id == agent.account_id) return slug_taken(agent.slug);
  }
  agent.updated_at = services.clock.now();
  if (Result<void> stored = store::update_agent(transaction, agent); !stored) return std::move(stored).error();
  const Json data = {{"changed", *changed}, {"version", agent.current_version}};
  if (Result<void> noted = audit(services, context, "agent.updated", agent, data, transaction); !noted) {
    return std::move(noted).error();
  }
  return made;
}

Result<store::AgentRow> archive_agent(const Services& services, const CallContext& context, std::string_view id_or_slug,
                                      store::Transaction& transaction) {
  Result<store::AgentRow> agent = own_agent(context, id_or_slug, "delete", transaction);
  if (!agent) return agent;
  agent->archived_at = services.clock.now();
  agent->is_enabled = false;
  agent->updated_at = *agent->archived_at;
  if (Result<void> stored = store::update_agent(transaction, *agent); !stored) return std::move(stored).error();
  if (Result<void> noted = audit(services, context, "agent.deleted", *agent, Json::object(), transaction); !noted) {
    return std::move(noted).error();
  }
  return agent;
}

}  // namespace weir::tools::agents

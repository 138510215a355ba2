#include "tools/agents/agent_views.h"

#include "tools/parameters.h"

namespace weir::tools::agents {
namespace {

namespace p = parameters;

Owner owner_of(const store::AgentRow& agent, const Caller& caller) {
  return agent.account_id == caller.account_id ? Owner::caller : Owner::other;
}

p::Members agent_members() {
  return {
      {"id", p::text("The agent's id, for create_run and get_agent.")},
      {"slug", p::text("Its name in commands; taken wherever the id is.")},
      {"name", p::text("For people.")},
      {"description", p::text("What it does.")},
      {"kind",
       p::one_of("playbook: fixed steps, does not reason; model: a language model chooses.", {"playbook", "model"})},
      {"version", p::integer("The version that new runs use.")},
      {"is_public", p::boolean("Whether every account may read and run it.")},
      {"is_enabled", p::boolean("False: no run of it starts or goes on.")},
      {"is_shipped", p::boolean("Whether it came with this server.")},
      {"is_own", p::boolean("Whether your account owns it and may change it.")},
      {"created_at", p::time("When it was created.")},
      {"updated_at", p::time("When it was last changed.")},
  };
}

p::Members version_entry_members() {
  return {{"n", p::integer("The version's number, from 1.")},
          {"created_at", p::time("When it was made.")},
          {"created_by_key", p::nullable(p::text("The key that made it; null for another account's agent."))}};
}

}  // namespace

Json agent_json(const store::AgentRow& agent, const Caller& caller) {
  return {{"id", agent.id},
          {"slug", agent.slug},
          {"name", agent.name},
          {"description", agent.description},
          {"kind", agent.kind},
          {"version", agent.current_version},
          {"is_public", agent.is_public},
          {"is_enabled", agent.is_enabled},
          {"is_shipped", agent.is_shipped},
          {"is_own", owner_of(agent, caller) == Owner::caller},
          {"created_at", to_rfc3339(agent.created_at)},
          {"updated_at", to_rfc3339(agent.updated_at)}};
}

Json agent_schema() { return p::answer(agent_members(), {}, "An agent, compact."); }

Json agent_details_json(const store::AgentRow& agent, const store::AgentVersionRow& version,
                        const std::vector<store::AgentVersionRow>& versions, const Caller& caller) {
  Json json = agent_json(agent, caller);
  json["definition"] = version.definition;
  if (versions.empty()) return json;
  json["versions"] = Json::array();
  for (const store::AgentVersionRow& one : versions) {
    json["versions"].push_back(version_entry_json(one, owner_of(agent, caller)));
  }
  return json;
}

Json agent_details_schema() {
  p::Members members = agent_members();
  members.emplace_back("definition",
                       p::object("What it does and may do, in full: kind, playbook or model, tools, limits, schemas."));
  members.emplace_back("versions", p::list("Newest first; only if asked for.", version_entry_schema()));
  return p::answer(members, {"versions"}, "An agent with its definition.");
}

Json version_entry_json(const store::AgentVersionRow& version, Owner owner) {
  const bool is_told = owner == Owner::caller && !version.created_by_key.empty();
  return {{"n", version.n},
          {"created_at", to_rfc3339(version.created_at)},
          {"created_by_key", is_told ? Json(version.created_by_key) : Json(nullptr)}};
}

Json version_entry_schema() { return p::answer(version_entry_members(), {}, "A version."); }

Json version_json(const store::AgentVersionRow& version, Owner owner) {
  Json json = version_entry_json(version, owner);
  json["agent_id"] = version.agent_id;
  json["definition"] = version.definition;
  return json;
}

Json version_schema() {
  p::Members members = version_entry_members();
  members.emplace_back("agent_id", p::text("The agent."));
  members.emplace_back("definition", p::object("The definition as it was then, and always will be."));
  return p::answer(members, {}, "A version with its definition.");
}

std::string agent_summary(const store::AgentRow& agent) {
  return "Agent " + agent.slug + " (" + agent.id + "): " + agent.name + ", a " + agent.kind + ", version " +
         std::to_string(agent.current_version) + (agent.is_enabled ? "" : ", disabled") +
         (agent.is_public ? ", public." : ", private.");
}

}  // namespace weir::tools::agents

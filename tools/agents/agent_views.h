// Agents and their versions as callers see them, with the schemas of that. Of another account's public agent it is not
// said who made it.
#pragma once
#include <vector>

#include "base/json.h"
#include "store/agents_store.h"
#include "tools/tool.h"

namespace weir::tools::agents {

Json agent_json(const store::AgentRow& agent, const Caller& caller);
Json agent_schema();
// With its definition; `versions` as well, if there are any.
Json agent_details_json(const store::AgentRow& agent, const store::AgentVersionRow& version,
                        const std::vector<store::AgentVersionRow>& versions, const Caller& caller);
Json agent_details_schema();

// `is_own`: whether the caller's account owns the agent.
enum class Owner : std::uint8_t { caller, other };
Json version_json(const store::AgentVersionRow& version, Owner owner);
Json version_schema();
// Without the definition.
Json version_entry_json(const store::AgentVersionRow& version, Owner owner);
Json version_entry_schema();

// "playbook posture-check (agt_...), version 2, 5 steps" and so on.
std::string agent_summary(const store::AgentRow& agent);

}  // namespace weir::tools::agents

// Creating, changing and archiving agents, inside the caller's transaction. Who may is decided here; what a definition may
// hold is agent_definition's.
#pragma once
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "store/agents_store.h"
#include "tools/agents/agent_definition.h"
#include "tools/call_context.h"
#include "tools/services.h"

namespace weir::tools::agents {

// The members of `arguments` that belong to the definition.
Json definition_part(const Json& arguments);
// By the server's tools, providers and bounds. services.runs must not be null.
Result<AgentDefinition> checked_definition(const Services& services, const Json& definition);

struct AgentWithVersion {
  store::AgentRow agent;
  store::AgentVersionRow version;
};

// Returns conflict if the account has an agent of that slug, or as many agents as it may.
Result<AgentWithVersion> create_agent(const Services& services, const CallContext& context, const Json& arguments,
                                      const AgentDefinition& definition, store::Transaction& transaction);
// Members that are not given stay as they are; a definition that differs becomes a new version. Returns forbidden if
// another account owns the agent, conflict if `expected_version` is not the current one.
Result<AgentWithVersion> update_agent(const Services& services, const CallContext& context, const Json& arguments,
                                      store::Transaction& transaction);
// Returns forbidden as above.
Result<store::AgentRow> archive_agent(const Services& services, const CallContext& context, std::string_view id_or_slug,
                                      store::Transaction& transaction);

// `changes` over a stored definition: each member replaces the stored one. What only followed from the old playbook goes
// with it.
Json patched_definition(const Json& stored, Json changes);

}  // namespace weir::tools::agents

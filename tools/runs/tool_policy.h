// What becomes of a tool call that a run wants, before anybody makes it: which tools no agent may ever have, what an agent
// may use, and whether a call is made, held for a person or refused (agents-and-runs.md section 6). Pure: no database.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"
#include "tools/agents/agent_definition.h"
#include "tools/runs/callable_tool.h"

namespace weir::tools::runs {

// Keys, webhooks, providers, external servers, registering and verifying targets, changing agents, starting or deciding
// runs and whatever deletes: no agent may have them, whatever its definition says.
bool is_grantable_builtin(std::string_view name, Scope scope);
// The answers hold text that others wrote: scanned sites, external servers, other accounts.
bool is_tainting_builtin(std::string_view name);

// For a tool whose grant names no policy.
agents::Policy default_policy(const CallableTool& tool, agents::AgentKind kind);

// Whether the agent's definition gives it the tool: by exact name, by the alias of its server, as a step of its playbook, or,
// if it names no tools at all, because the tool is built in and only reads. False for tools that no agent may have.
bool is_granted(const agents::AgentDefinition& agent, const CallableTool& tool);

// Not thread-safe: a value.
struct CallTraits {
  bool must_ask = false;       // the playbook says so
  bool is_influenced = false;  // text that others wrote has a part in it
};

// Not thread-safe: a value.
struct Ruling {
  agents::Policy policy = agents::Policy::allow;
  std::string required_by;  // of ask and deny: "default", "agent", "playbook", "taint" or "server"
  std::string reason;       // a sentence for whoever decides, or for the model
};

// For a granted tool. What always needs a person (a finding that is to be accepted or called false; a call under the
// influence of others' text that changes something or reaches out) cannot be loosened by a grant.
Ruling rule_on(const agents::AgentDefinition& agent, const CallableTool& tool, const Json& arguments,
               const CallTraits& traits);

// True if the call reaches beyond this server or cannot be undone, so that others' text must not steer it. Of an external
// tool always: its annotations are its server's word.
bool is_consequential(const CallableTool& tool);

}  // namespace weir::tools::runs

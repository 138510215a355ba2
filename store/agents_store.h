// Agents and their versions. A version is written once and never changed: runs name the one that they execute.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct AgentRow {
  std::string id;
  std::string account_id;
  std::string created_by_key;
  std::string slug;
  std::string name;
  std::string description;
  std::string kind;  // playbook, model
  std::int64_t current_version = 1;
  bool is_public = false;   // readable and runnable by every account
  bool is_enabled = true;   // false: no run of it starts or goes on
  bool is_shipped = false;  // made by the first start
  UnixMillis created_at{};
  UnixMillis updated_at{};
  std::optional<UnixMillis> archived_at;
};

// Not thread-safe: a value.
struct AgentVersionRow {
  std::string agent_id;
  std::int64_t n = 1;
  Json definition;  // tools/agents/agent_definition.h
  std::string created_by_key;
  UnixMillis created_at{};
};

struct AgentFilter {
  std::string account_id;  // its own, and the public ones of others
  std::string kind;        // "" : any
  std::string query;       // part of the slug, name or description; "" : any
};

// Returns conflict if the account has a live agent of that slug.
Result<void> insert_agent(Transaction& transaction, const AgentRow& agent);
// Returns not_found unless the agent is the account's or public, and not archived.
Result<AgentRow> agent_by_id(Transaction& transaction, std::string_view account_id, std::string_view id);
// The account's own of that slug, else the oldest public one; not_found if there is neither.
Result<AgentRow> agent_by_slug(Transaction& transaction, std::string_view account_id, std::string_view slug);
// The account's own of that slug, archived ones too, newest first.
Result<std::vector<AgentRow>> agents_of_slug(Transaction& transaction, std::string_view account_id,
                                             std::string_view slug);
// For the job that runs it: whatever the account, archived or not.
Result<AgentRow> agent_for_job(Transaction& transaction, std::string_view id);
// Newest first.
Result<Page<AgentRow>> list_agents(Transaction& transaction, const AgentFilter& filter, const PageRequest& page);
Result<std::int64_t> count_agents(Transaction& transaction, std::string_view account_id);
// Writes every column that can change, archived_at too.
Result<void> update_agent(Transaction& transaction, const AgentRow& agent);

Result<void> insert_agent_version(Transaction& transaction, const AgentVersionRow& version);
Result<AgentVersionRow> agent_version(Transaction& transaction, std::string_view agent_id, std::int64_t n);
// Newest first, without an opaque cursor: versions are few (kAgentVersionsMax).
Result<std::vector<AgentVersionRow>> agent_versions(Transaction& transaction, std::string_view agent_id);
inline constexpr std::int64_t kAgentVersionsMax = 1'000;

}  // namespace weir::store

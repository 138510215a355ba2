#include "tools/agents/shipped_agents.h"

#include <algorithm>

#include "base/log.h"
#include "store/accounts_store.h"
#include "store/agents_store.h"
#include "store/audit_store.h"

namespace weir::tools::agents {
namespace {

// Who made a shipped version: no key.
constexpr std::string_view kNoKey;
constexpr std::string_view kActor = "server";

Result<void> audit(const SeedParts& parts, const store::AgentRow& agent, std::string action,
                   store::Transaction& transaction) {
  return store::insert_audit(transaction, {.account_id = agent.account_id,
                                           .actor = std::string(kActor),
                                           .action = std::move(action),
                                           .subject = agent.id,
                                           .data = {{"slug", agent.slug}, {"version", agent.current_version}},
                                           .at = parts.clock.now()});
}

Result<void> insert_version(const SeedParts& parts, const store::AgentRow& agent, const ShippedAgent& shipped,
                            store::Transaction& transaction) {
  return store::insert_agent_version(transaction, {.agent_id = agent.id,
                                                   .n = agent.current_version,
                                                   .definition = definition_json(shipped.definition),
                                                   .created_by_key = std::string(kNoKey),
                                                   .created_at = parts.clock.now()});
}

Result<void> create(const SeedParts& parts, const std::string& account_id, const ShippedAgent& shipped,
                    store::Transaction& transaction) {
  store::AgentRow agent;
  agent.id = parts.ids.make("agt");
  agent.account_id = account_id;
  agent.created_by_key = kNoKey;
  agent.slug = shipped.slug;
  agent.name = shipped.name;
  agent.description = shipped.description;
  agent.kind = std::string(to_string(shipped.definition.kind));
  agent.is_public = true;
  agent.is_shipped = true;
  agent.created_at = parts.clock.now();
  agent.updated_at = agent.created_at;
  if (Result<void> stored = store::insert_agent(transaction, agent); !stored) return stored;
  if (Result<void> kept = insert_version(parts, agent, shipped, transaction); !kept) return kept;
  return audit(parts, agent, "agent.created", transaction);
}

Result<void> bring_up_to_date(const SeedParts& parts, store::AgentRow agent, const ShippedAgent& shipped,
                              store::Transaction& transaction) {
  auto newest = store::agent_version(transaction, agent.id, agent.current_version);
  if (!newest) return std::move(newest).error();
  const bool is_edited = !newest->created_by_key.empty();
  if (is_edited || newest->definition == definition_json(shipped.definition)) return {};
  if (agent.current_version >= store::kAgentVersionsMax) return {};
  ++agent.current_version;
  agent.updated_at = parts.clock.now();
  if (Result<void> kept = insert_version(parts, agent, shipped, transaction); !kept) return kept;
  if (Result<void> stored = store::update_agent(transaction, agent); !stored) return stored;
  log::info("agents.updated", {{"slug", agent.slug}, {"version", agent.current_version}});
  return audit(parts, agent, "agent.updated", transaction);
}

Result<void> seed_one(const SeedParts& parts, const std::string& account_id, const ShippedAgent& shipped,
                      store::Transaction& transaction) {
  auto before = store::agents_of_slug(transaction, account_id, shipped.slug);
  if (!before) return std::move(before).error();
  if (before->empty()) return create(parts, account_id, shipped, transaction);
  const auto live =
      std::find_if(before->begin(), before->end(), [](const store::AgentRow& agent) { return !agent.archived_at; });
  if (live == before->end() || !live->is_shipped) return {};
  return bring_up_to_date(parts, *live, shipped, transaction);
}

}  // namespace

Result<ShippedAgent> parse_shipped(const ShippedFile& file, const runs::ToolDirectory& known,
                                   std::chrono::seconds wall_max) {
  Result<Json> json = parse_json(file.text);
  if (!json) return std::move(json).error();
  ShippedAgent agent{.slug = string_or(*json, "slug", ""),
                     .name = string_or(*json, "name", ""),
                     .description = string_or(*json, "description", ""),
                     .definition = {}};
  for (const char* member : {"slug", "name", "description"}) json->erase(member);
  if (json->contains("limits")) {
    Json& limits = (*json)["limits"];
    limits["wall_s"] = std::min<std::int64_t>(integer_or(limits, "wall_s", wall_max.count()), wall_max.count());
  }
  Result<AgentDefinition> definition =
      parse_definition(*json, known, {.wall_max = wall_max, .providers = std::nullopt});
  if (!definition) return std::move(definition).error();
  agent.definition = std::move(*definition);
  return agent;
}

Result<void> seed_shipped_agents(const SeedParts& parts) {
  std::vector<ShippedAgent> agents;
  for (const ShippedFile& file : embedded_agent_files()) {
    Result<ShippedAgent> agent = parse_shipped(file, parts.directory, parts.wall_max);
    if (agent)
      agents.push_back(std::move(*agent));
    else
      log::warning("agents.left_out", {{"file", file.name}, {"reason", agent.error().message}});
  }
  return parts.database.write([&](store::Transaction& transaction) -> Result<void> {
    auto accounts = store::list_accounts(transaction);
    if (!accounts) return std::move(accounts).error();
    // Ids sort by the time of their making.
    const auto first = std::min_element(accounts->begin(), accounts->end(),
                                        [](const auto& left, const auto& right) { return left.id < right.id; });
    if (first == accounts->end()) return {};
    for (const ShippedAgent& agent : agents) {
      if (Result<void> seeded = seed_one(parts, first->id, agent, transaction); !seeded) return seeded;
    }
    return {};
  });
}

}  // namespace weir::tools::agents

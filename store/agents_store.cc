#include "store/agents_store.h"

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

constexpr std::string_view kNoAgent = "there is no such agent: list the agents to see their ids and slugs";

constexpr std::string_view kAgentColumns =
    "id, account_id, created_by_key, slug, name, description, kind, current_version, is_public, is_enabled, "
    "is_shipped, "
    "created_at, updated_at, archived_at";

AgentRow agent_from(const Row& row) {
  return {.id = row.text(0),
          .account_id = row.text(1),
          .created_by_key = row.text(2),
          .slug = row.text(3),
          .name = row.text(4),
          .description = row.text(5),
          .kind = row.text(6),
          .current_version = row.integer(7),
          .is_public = row.integer(8) != 0,
          .is_enabled = row.integer(9) != 0,
          .is_shipped = row.integer(10) != 0,
          .created_at = time_in(row, 11),
          .updated_at = time_in(row, 12),
          .archived_at = optional_time_in(row, 13)};
}

AgentVersionRow version_from(const Row& row) {
  return {.agent_id = row.text(0),
          .n = row.integer(1),
          .definition = row.json(2),
          .created_by_key = row.text(3),
          .created_at = time_in(row, 4)};
}

// Agents that `account_id` may see.
SqlText select_visible(std::string_view account_id) {
  SqlText sql("SELECT ");
  sql.add(kAgentColumns)
      .add(" FROM agents WHERE archived_at IS NULL AND (is_public = 1 OR account_id = ", text_value(account_id), ")");
  return sql;
}

// For LIKE ... ESCAPE '!': the text anywhere, whatever it holds.
std::string anywhere(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '!') pattern += '!';
    pattern += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return pattern + "%";
}

}  // namespace

Result<void> insert_agent(Transaction& transaction, const AgentRow& agent) {
  const std::string sql =
      std::string("INSERT INTO agents (")
          .append(kAgentColumns)
          .append(") VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14) ON CONFLICT DO NOTHING");
  auto inserted = changed_any(transaction.execute(
      sql,
      {agent.id, agent.account_id, agent.created_by_key, agent.slug, agent.name, agent.description, agent.kind,
       agent.current_version, flag_value(agent.is_public), flag_value(agent.is_enabled), flag_value(agent.is_shipped),
       time_value(agent.created_at), time_value(agent.updated_at), time_value(agent.archived_at)}));
  if (!inserted) return std::move(inserted).error();
  if (*inserted) return {};
  return Error(ErrorCode::conflict, "the account has an agent with the slug \"" + agent.slug + "\" already");
}

Result<AgentRow> agent_by_id(Transaction& transaction, std::string_view account_id, std::string_view id) {
  SqlText sql = select_visible(account_id);
  sql.add(" AND id = ", text_value(id));
  return only_row(std::move(sql).query(transaction), agent_from, kNoAgent);
}

Result<AgentRow> agent_by_slug(Transaction& transaction, std::string_view account_id, std::string_view slug) {
  SqlText sql = select_visible(account_id);
  sql.add(" AND slug = ", text_value(slug));
  sql.add(" ORDER BY CASE WHEN account_id = ", text_value(account_id), " THEN 0 ELSE 1 END, id LIMIT 1");
  return only_row(std::move(sql).query(transaction), agent_from, kNoAgent);
}

Result<std::vector<AgentRow>> agents_of_slug(Transaction& transaction, std::string_view account_id,
                                             std::string_view slug) {
  SqlText sql("SELECT ");
  sql.add(kAgentColumns)
      .add(" FROM agents WHERE account_id = ", text_value(account_id))
      .add(" AND slug = ", text_value(slug));
  sql.add(" ORDER BY id DESC");
  return each_row(std::move(sql).query(transaction), agent_from);
}

Result<AgentRow> agent_for_job(Transaction& transaction, std::string_view id) {
  SqlText sql("SELECT ");
  sql.add(kAgentColumns).add(" FROM agents WHERE id = ", text_value(id));
  return only_row(std::move(sql).query(transaction), agent_from, kNoAgent);
}

Result<Page<AgentRow>> list_agents(Transaction& transaction, const AgentFilter& filter, const PageRequest& page) {
  SqlText sql = select_visible(filter.account_id);
  if (!filter.kind.empty()) sql.add(" AND kind = ", filter.kind);
  if (!filter.query.empty()) {
    const std::string pattern = anywhere(filter.query);
    sql.add(" AND (LOWER(slug) LIKE ", pattern, " ESCAPE '!'");
    sql.add(" OR LOWER(name) LIKE ", pattern, " ESCAPE '!'");
    sql.add(" OR LOWER(description) LIKE ", pattern, " ESCAPE '!')");
  }
  if (!page.after_id.empty()) sql.add(" AND id < ", page.after_id);
  sql.add(" ORDER BY id DESC LIMIT ", page_limit(page) + 1);
  auto agents = each_row(std::move(sql).query(transaction), agent_from);
  if (!agents) return std::move(agents).error();
  return page_of(std::move(*agents), page_limit(page), [](const AgentRow& agent) { return agent.id; });
}

Result<std::int64_t> count_agents(Transaction& transaction, std::string_view account_id) {
  return only_integer(transaction.query("SELECT COUNT(*) FROM agents WHERE account_id = :1 AND archived_at IS NULL",
                                        {text_value(account_id)}));
}

Result<void> update_agent(Transaction& transaction, const AgentRow& agent) {
  SqlText sql("UPDATE agents SET slug = ");
  sql.add("", agent.slug).add(", name = ", agent.name).add(", description = ", agent.description);
  sql.add(", kind = ", agent.kind).add(", current_version = ", agent.current_version);
  sql.add(", is_public = ", flag_value(agent.is_public)).add(", is_enabled = ", flag_value(agent.is_enabled));
  sql.add(", is_shipped = ", flag_value(agent.is_shipped)).add(", updated_at = ", time_value(agent.updated_at));
  sql.add(", archived_at = ", time_value(agent.archived_at)).add(" WHERE id = ", agent.id);
  return changed_one(std::move(sql).execute(transaction), kNoAgent);
}

Result<void> insert_agent_version(Transaction& transaction, const AgentVersionRow& version) {
  return done(transaction.execute(
      "INSERT INTO agent_versions (agent_id, n, definition, created_by_key, created_at) VALUES (:1, :2, :3, :4, :5)",
      {version.agent_id, version.n, to_text(version.definition), version.created_by_key,
       time_value(version.created_at)}));
}

Result<AgentVersionRow> agent_version(Transaction& transaction, std::string_view agent_id, std::int64_t n) {
  return only_row(transaction.query("SELECT agent_id, n, definition, created_by_key, created_at FROM agent_versions "
                                    "WHERE agent_id = :1 AND n = :2",
                                    {text_value(agent_id), n}),
                  version_from, "the agent has no such version: read the agent to see which it has");
}

Result<std::vector<AgentVersionRow>> agent_versions(Transaction& transaction, std::string_view agent_id) {
  return each_row(transaction.query("SELECT agent_id, n, definition, created_by_key, created_at FROM agent_versions "
                                    "WHERE agent_id = :1 ORDER BY n DESC LIMIT :2",
                                    {text_value(agent_id), kAgentVersionsMax}),
                  version_from);
}

}  // namespace weir::store

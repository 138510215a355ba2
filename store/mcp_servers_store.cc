#include "store/mcp_servers_store.h"

#include "store/columns.h"

namespace weir::store {
namespace {

constexpr std::string_view kServerColumns =
    "alias, approved_sha256, seen_sha256, tools, approved_by_key, approved_at, seen_at";

McpServerRow server_from(const Row& row) {
  return {.alias = row.text(0),
          .approved_sha256 = row.optional_text(1),
          .seen_sha256 = row.optional_text(2),
          .tools = row.json(3),
          .approved_by_key = row.optional_text(4),
          .approved_at = optional_time_in(row, 5),
          .seen_at = optional_time_in(row, 6)};
}

std::string select_servers(std::string_view rest) {
  return std::string("SELECT ").append(kServerColumns).append(" FROM mcp_servers ").append(rest);
}

}  // namespace

Result<std::vector<McpServerRow>> mcp_servers(Transaction& transaction) {
  return each_row(transaction.query(select_servers("ORDER BY alias")), server_from);
}

Result<std::optional<McpServerRow>> mcp_server_by_alias(Transaction& transaction, std::string_view alias) {
  return first_row(transaction.query(select_servers("WHERE alias = :1"), {text_value(alias)}), server_from);
}

Result<void> put_seen_mcp_server(Transaction& transaction, const McpServerRow& seen) {
  return done(transaction.execute(
      "INSERT INTO mcp_servers (alias, seen_sha256, tools, seen_at) VALUES (:1, :2, :3, :4) "
      "ON CONFLICT (alias) DO UPDATE SET seen_sha256 = excluded.seen_sha256, tools = excluded.tools, "
      "seen_at = excluded.seen_at",
      {seen.alias, optional_value(seen.seen_sha256), to_text(seen.tools), time_value(seen.seen_at)}));
}

Result<void> approve_mcp_server(Transaction& transaction, std::string_view alias, std::string_view sha256,
                                std::string_view key_id, UnixMillis now) {
  auto approved = changed_any(transaction.execute(
      "UPDATE mcp_servers SET approved_sha256 = :1, approved_by_key = :2, approved_at = :3 "
      "WHERE alias = :4 AND seen_sha256 = :5",
      {text_value(sha256), text_value(key_id), time_value(now), text_value(alias), text_value(sha256)}));
  if (!approved) return std::move(approved).error();
  if (*approved) return {};

  auto stored = mcp_server_by_alias(transaction, alias);
  if (!stored) return std::move(stored).error();
  if (!*stored) {
    return Error(ErrorCode::not_found, "nothing was seen yet of the MCP server " + std::string(alias) +
                                           ": it has to be reachable once before its tools can be approved");
  }
  return Error(ErrorCode::conflict, "the tools of the MCP server " + std::string(alias) + " are not those of hash " +
                                        std::string(sha256) + ": they were last seen with " +
                                        (*stored)->seen_sha256.value_or("none") + ", read them again before you agree");
}

}  // namespace weir::store

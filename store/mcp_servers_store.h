// What was seen of the MCP servers of others, and which list of their tools an operator has agreed to. Which servers there
// are says the configuration, not this table.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct McpServerRow {
  std::string alias;
  std::optional<std::string> approved_sha256;  // of the list that was agreed to
  std::optional<std::string> seen_sha256;      // of `tools`
  Json tools = Json::array();                  // as last seen
  std::optional<std::string> approved_by_key;
  std::optional<UnixMillis> approved_at;
  std::optional<UnixMillis> seen_at;
};

// By alias.
Result<std::vector<McpServerRow>> mcp_servers(Transaction& transaction);
Result<std::optional<McpServerRow>> mcp_server_by_alias(Transaction& transaction, std::string_view alias);
// Writes alias, seen_sha256, tools and seen_at; an approval stays as it is.
Result<void> put_seen_mcp_server(Transaction& transaction, const McpServerRow& seen);
// Agrees to the list whose hash is `sha256`. Returns not_found if nothing was ever seen of the server, conflict if another
// list was seen since.
Result<void> approve_mcp_server(Transaction& transaction, std::string_view alias, std::string_view sha256,
                                std::string_view key_id, UnixMillis now);

}  // namespace weir::store

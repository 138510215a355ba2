// What every list has in common: cursors that a client gives back, and how long an answer may be believed. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/mcp/jsonrpc.h"
#include "server/mcp/revision.h"

namespace weir::mcp {

// "" for the first page: a missing and an empty cursor are the same. Nothing if it is no string.
std::optional<std::string> cursor_of(const Message& message);
// -32602, naming the cursor.
RpcError unknown_cursor(const Message& message);
// ttlMs and cacheScope, where the revision has them (MCP 2026-07-28 "Caching").
void add_caching(Json& result, Revision revision, std::int64_t ttl_ms, std::string_view scope);

}  // namespace weir::mcp

#include "server/mcp/paging.h"

#include "base/log.h"

namespace weir::mcp {

std::optional<std::string> cursor_of(const Message& message) {
  const Json* cursor = find_member(message.params, "cursor");
  if (cursor == nullptr || cursor->is_null()) return "";
  if (!cursor->is_string()) return std::nullopt;
  return cursor->get<std::string>();
}

RpcError unknown_cursor(const Message& message) {
  const Json* cursor = find_member(message.params, "cursor");
  return {code::kInvalidParams,
          "Invalid params: cursor " + printable(cursor == nullptr ? "" : to_text(*cursor), 80) + " is unknown"};
}

void add_caching(Json& result, Revision revision, std::int64_t ttl_ms, std::string_view scope) {
  if (!features_of(revision).has_result_type) return;
  result["ttlMs"] = ttl_ms;
  result["cacheScope"] = scope;
}

}  // namespace weir::mcp

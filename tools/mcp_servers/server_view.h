// A server as administrators see it, and what follows from that for its tools. Pure.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "tools/mcp_servers/tool_list.h"

namespace weir::tools::mcp_servers {

enum class ServerState : std::uint8_t { connecting, unapproved, approved, changed, failing };
std::string_view to_string(ServerState state);

// A server as administrators see it. Not thread-safe: a value.
struct ServerView {
  std::string alias;
  std::string transport;  // "http", "stdio"
  std::string endpoint;
  ServerState state = ServerState::connecting;
  std::string problem;                    // of failing; "" otherwise
  std::optional<UnixMillis> next_try_at;  // of failing
  std::int64_t failures = 0;              // in a row
  std::string revision;                   // of MCP; "" before the first connection
  Json server_info = Json::object();      // its own words
  std::shared_ptr<const ToolList>
      seen;  // null before the first listing since the start; shared, because it is copied often
  std::shared_ptr<const ToolList> approved;  // null if there is none
  std::optional<std::string> approved_by_key;
  std::optional<UnixMillis> approved_at;
  std::optional<UnixMillis> seen_at;
};

// What agents may have; null if nothing was agreed to, or what is there now is something else.
std::shared_ptr<const ToolList> usable_list(const ServerView& view);
// Why that tool cannot be called now, if so: conflict (not approved, or changed since), not_found, unavailable.
std::optional<Error> refusal_of(const ServerView& view, std::string_view tool);

}  // namespace weir::tools::mcp_servers

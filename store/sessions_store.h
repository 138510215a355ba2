// MCP sessions of the revisions that have them (2025-03-26 to 2025-11-25), stored so that they survive a restart.
#pragma once
#include <optional>
#include <string>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct SessionRow {
  std::string id;  // unguessable, visible ASCII
  std::string account_id;
  std::string key_id;  // only this key may use the session
  std::string protocol_version;
  Json client_info = Json::object();
  Json client_capabilities = Json::object();
  std::string log_level = "info";  // of notifications/message
  UnixMillis created_at{};
  UnixMillis last_used_at{};
};

// A key with more open sessions than this loses its oldest one.
inline constexpr std::int64_t kSessionsPerKeyMax = 256;

Result<void> insert_session(Transaction& transaction, const SessionRow& session);
// Returns not_found if it ended, expired or never was.
Result<SessionRow> session_by_id(Transaction& transaction, std::string_view id);
Result<void> touch_session(Transaction& transaction, std::string_view id, UnixMillis used_at);
Result<void> set_session_log_level(Transaction& transaction, std::string_view id, std::string_view level);
// False if there was none.
Result<bool> delete_session(Transaction& transaction, std::string_view id);
Result<std::int64_t> delete_sessions_unused_since(Transaction& transaction, UnixMillis since);

}  // namespace weir::store

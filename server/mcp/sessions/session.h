// Sessions of the revisions that have them (2025-03-26 to 2025-11-25): opened by initialize, named by the header
// Mcp-Session-Id, ended by DELETE or by idleness. Stored, so they survive a restart. An id is never proof of identity:
// every request is authenticated, and a session answers only the key that opened it.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "server/mcp/revision.h"
#include "store/database.h"
#include "store/sessions_store.h"
#include "tools/call_context.h"

namespace weir::mcp {

// 43 base62 characters hold 256 bits.
inline constexpr std::size_t kSessionIdCharacters = 43;

// Every function blocks for the database. Thread-safe.
class Sessions {
 public:
  // All references must outlive the sessions.
  Sessions(store::Database& database, const Clock& clock, Random& random, std::chrono::milliseconds idle_max)
      : database_(database), clock_(clock), random_(random), idle_max_(idle_max) {}

  struct Opening {
    Revision revision = kLatestSessionRevision;
    Json client_info = Json::object();
    Json client_capabilities = Json::object();
  };
  // The id of the new session.
  Result<std::string> open(const tools::Caller& caller, Opening opening);
  // Marks the session as used. Returns not_found if it ended, was idle too long, never was, or is another key's.
  Result<store::SessionRow> find(std::string_view id, const tools::Caller& caller);
  // Kept with the session, so that it survives a restart.
  Result<void> set_log_level(std::string_view id, std::string_view level);
  // Returns not_found as find() does.
  Result<void> end(std::string_view id, const tools::Caller& caller);
  // Removes what was idle too long; how many.
  Result<std::int64_t> sweep();

 private:
  store::Database& database_;
  const Clock& clock_;
  Random& random_;
  const std::chrono::milliseconds idle_max_;
};

}  // namespace weir::mcp

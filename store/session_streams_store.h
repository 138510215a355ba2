// What a session of MCP has open and must still have after a restart: the resources that it subscribed to, and the calls
// whose answers go out on streams. All of it goes with its session.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// A session that subscribes to more loses nothing: the new one is refused.
inline constexpr std::int64_t kSubscriptionsPerSessionMax = 100;
// A session with more streamed calls loses its oldest ones: those cannot be resumed any more.
inline constexpr std::int64_t kStreamedCallsPerSessionMax = 64;

// Returns conflict if the session has kSubscriptionsPerSessionMax others; success if it has this one already.
Result<void> insert_subscription(Transaction& transaction, std::string_view session_id, std::string_view uri);
Result<void> delete_subscription(Transaction& transaction, std::string_view session_id, std::string_view uri);
// In the order of the URIs.
Result<std::vector<std::string>> subscriptions_of_session(Transaction& transaction, std::string_view session_id);

// Not thread-safe: a value.
struct SessionCallRow {
  std::string stream_id;
  std::string session_id;
  Json request;                // the JSON-RPC request
  std::optional<Json> answer;  // the JSON-RPC response, nothing as long as there is none
  UnixMillis created_at{};
};

Result<void> insert_session_call(Transaction& transaction, const SessionCallRow& call);
// Does nothing if the call is not kept any more.
Result<void> answer_session_call(Transaction& transaction, std::string_view stream_id, const Json& answer);
Result<void> delete_session_call(Transaction& transaction, std::string_view stream_id);
// Nothing if it is not kept or is another session's.
Result<std::optional<SessionCallRow>> session_call(Transaction& transaction, std::string_view session_id,
                                                   std::string_view stream_id);
// How many.
Result<std::int64_t> delete_session_calls_before(Transaction& transaction, UnixMillis before);

}  // namespace weir::store

// Where the events of a resource or of the account are, and when a stream of them is over: what every command that follows
// events has in common. Pure.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"
#include "streaming/sse.h"

namespace weir::cli {

// Of a query string or a path: what is not unreserved (RFC 3986 section 2.3) is percent-encoded, but for "*" and ",".
std::string url_encoded(std::string_view text);

// Not thread-safe: a value.
struct EventSelection {
  std::string resource;  // "" : the account's
  std::string types;     // patterns, comma-separated; "" : all
  std::string after;     // a position; "" : the server decides
};
// A scan and a run have a route of their own, whose stream ends with them.
std::string event_path(const EventSelection& selection);

// Whether nothing follows on the resource of this frame: its last event, or a snapshot of one that has ended.
bool is_last_frame(std::string_view type, const Json& envelope);

// While the server is away each try waits up to ten seconds, so this is most of a day.
inline constexpr int kFollowReconnectsMax = 5'000;
inline constexpr int kPageEvents = 500;

}  // namespace weir::cli

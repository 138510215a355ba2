// The resources that have an event stream of their own: how each is checked and what its snapshot shows. One row a kind.
#pragma once
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "store/database.h"

namespace weir::rest {

// What a reader sees first. Not thread-safe: a value.
struct Snapshot {
  Json data = Json::object();
  UnixMillis at{};
};

// Immutable.
struct StreamResource {
  std::string_view type;        // "scan", as in Event::resource_type
  std::string_view id_prefix;   // "scn"
  std::string_view list_route;  // "GET /v1/scans", for those who look for an id
  // Returns not_found if the account has no such resource.
  Result<Snapshot> (*snapshot)(store::Transaction& transaction, const std::string& account_id, const std::string& id);
};

// Null if resources of that type have no stream.
const StreamResource* find_stream_resource(std::string_view type);
// What is going on in an account: {"active_scans": [...], "active_runs": [...]}, the runs only if `shows_runs`.
Result<Snapshot> account_snapshot(store::Transaction& transaction, const std::string& account_id, UnixMillis now,
                                  bool shows_runs);

}  // namespace weir::rest

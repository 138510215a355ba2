// Which calls of which sessions wait right now, so that notifications/cancelled can end one: for its slot under the rate
// limit, or for what a tool waits for. A call that does not wait is over before it could be cancelled.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/guarded.h"
#include "base/json.h"
#include "limits/quota.h"

namespace weir::mcp {

class Call;

// Holds no call: an entry goes with its call. Thread-safe.
class WaitingCalls {
 public:
  // Nothing for a call without a session.
  void add(const std::shared_ptr<Call>& call);
  // Nothing if no such call waits: it may have been answered meanwhile, which is allowed (MCP 2025-11-25 cancellation).
  // `state` is how the caller's limits stand.
  void cancel(std::string_view session_id, const Json& request_id, const limits::Decision& state);

 private:
  using Key = std::pair<std::string, std::string>;  // the session, the request's id as JSON: 1 and "1" are two
  using Map = std::map<Key, std::weak_ptr<Call>>;
  struct Entry;

  const std::shared_ptr<Guarded<Map>> calls_ = std::make_shared<Guarded<Map>>();  // shared with calls that outlive this
};

}  // namespace weir::mcp

// The only place where a call is authenticated, scoped, limited, counted and stamped with a request id. A route or an
// MCP method that does not pass here does not exist.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "limits/rate_limiter.h"
#include "limits/tiers.h"
#include "server/http/message.h"
#include "store/database.h"
#include "tools/call_context.h"

namespace weir::server {

// What a call is, for the gate. `name` is a tool, a route ("GET /v1/scans/{scan_id}/events") or a method ("tools/list").
struct CallSpec {
  std::string_view name;
  tools::Scope scope = tools::Scope::none;
  std::uint32_t cost = 1;
};

struct GateSettings {
  // Wrong or missing keys of one address in a minute; beyond, 429 before any lookup.
  std::uint32_t failures_per_address = 30;
  std::size_t tracked_addresses_max = 10'000;
  std::chrono::milliseconds key_refresh{1'000};  // how long a resolved key is believed
  std::size_t cached_keys_max = 10'000;
};

// Thread-safe.
class Gate {
 public:
  // All must outlive the gate.
  Gate(const GateSettings& settings, store::Database& database, limits::RateLimiter& limiter,
       const limits::Tiers& tiers, const Clock& clock, IdGenerator& ids);
  ~Gate();

  // The caller's own X-Request-ID if it is 1 to 128 visible ASCII characters, else a new one.
  std::string request_id(const http::Request& request);

  // Who is calling: `Authorization: Bearer wk_...` or `X-API-Key: wk_...`. Returns unauthorized (missing, malformed,
  // unknown, revoked), api_key_expired, rate_limit_exceeded (too many failures from this address), each with a
  // message that says what to do. Blocks for a database read when the key is not in the cache.
  Result<std::shared_ptr<const tools::Caller>> authenticate(const http::Request& request);

  // May this caller make this call, and has it the budget? Returns insufficient_scope, unavailable, or the decision: a
  // refusal by the limiter is a Decision with is_allowed false, not an error. Counts the call for usage.
  Result<limits::Decision> admit(const tools::Caller& caller, const CallSpec& call);

  // Gives back what an admitted call spent that then failed inside Weir.
  void refund(const tools::Caller& caller, const CallSpec& call, const limits::Decision& decision);

  // Forgets a cached key at once (revoked or changed through this process).
  void forget_key(std::string_view key_id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::server

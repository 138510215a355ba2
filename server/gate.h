// The only place where a call is authenticated, scoped, limited, counted and stamped with a request id. A route or an
// MCP method that does not pass here does not exist.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "egress/ip_address.h"
#include "limits/rate_limiter.h"
#include "limits/tiers.h"
#include "server/http/message.h"
#include "server/pacing.h"
#include "server/usage_counter.h"
#include "store/database.h"
#include "tools/call_context.h"
#include "tools/tool.h"

namespace weir::auth {
class TokenAuthority;
}

namespace weir::server {

// What a call is, for the gate. `name` is a tool, a route ("GET /v1/scans/{scan_id}/events") or a method ("tools/list").
struct CallSpec {
  std::string_view name;
  tools::Scope scope = tools::Scope::none;
  std::uint32_t cost = 1;
  // Asked only for the headers of an answer: no call of its own, so not in the usage.
  enum class Usage : std::uint8_t { counted, not_counted } usage = Usage::counted;
  bool starts_scan = false;  // spends one of the day's scans, too
};

// How an admitted call ended, for what it spent.
enum class CallEnd : std::uint8_t {
  served,
  changed_nothing,  // refused by the tool, or a stored answer: the day's scan is given back
  failed_inside,    // our fault: everything is given back
};
CallEnd end_of(const Result<tools::ToolResult>& result);

struct GateSettings {
  // Wrong or missing keys of one address in a minute; beyond, 429 before any lookup.
  std::uint32_t failures_per_address = 30;
  std::size_t tracked_addresses_max = 10'000;
  std::chrono::milliseconds key_refresh{900};  // how long a resolved key is believed: other nodes act within 1 s
  std::size_t cached_keys_max = 10'000;
  // Whose X-Forwarded-For is believed; empty: nobody's.
  std::vector<egress::AddressRange> trusted_proxies{};
};

// Thread-safe.
class Gate {
 public:
  // All must outlive the gate. Without a counter nothing is counted.
  Gate(const GateSettings& settings, store::Database& database, limits::RateLimiter& limiter,
       const limits::Tiers& tiers, const Clock& clock, IdGenerator& ids, UsageCounter* usage = nullptr);
  ~Gate();

  // The caller's own X-Request-ID if it is 1 to 128 visible ASCII characters, else a new one.
  std::string request_id(const http::Request& request);

  // From now on access tokens are accepted beside API keys. Before the first call; `tokens` must outlive the gate.
  void accept_tokens(auth::TokenAuthority& tokens);

  // Who is calling: `Authorization: Bearer wk_...` or `X-API-Key: wk_...`, or a bearer token of the issuer. Returns
  // unauthorized (missing, malformed, unknown, revoked), api_key_expired, forbidden (a subject without an account),
  // unavailable (the issuer's keys cannot be had), rate_limit_exceeded (too many failures from this address), each with
  // a message that says what to do. Blocks for a database read when the key is not in the cache, and for a token up to
  // KeySource::kFetchTimeout, one call at a time.
  Result<std::shared_ptr<const tools::Caller>> authenticate(const http::Request& request);

  // WWW-Authenticate of MCP's answer to such an error, or to a missing scope: with an issuer it says where its metadata
  // is. Nothing if the error takes no challenge.
  [[nodiscard]] std::optional<std::string> challenge(const Error& error) const;

  // Who is calling with something that stands for a key: `presented` says for which one (only its id and scopes count), or
  // why not. The address of a failure is counted as in authenticate(). Blocks for a database read.
  Result<std::shared_ptr<const tools::Caller>> authenticate_with(
      const http::Request& request, const std::function<Result<tools::Caller>()>& presented);

  // The caller that a key is now, for work that goes on without its request (a run's tool calls). `of_subject`: the scopes of
  // an id that stands for a token's subject, whose row has none. Returns unauthorized (revoked, deleted) or api_key_expired.
  // Believed for key_refresh, as a key that is sent; else blocks for a database read.
  Result<std::shared_ptr<const tools::Caller>> caller_of_key(std::string_view key_id, const tools::Scopes& of_subject);

  // May this caller make this call, and has it the budget? Returns insufficient_scope, unavailable, or the decision: a
  // refusal by the limiter is a Decision with is_allowed false, not an error. Counts the call for usage: admitted, or
  // refused for whichever of these reasons.
  Result<limits::Decision> admit(const tools::Caller& caller, const CallSpec& call);

  // From now on calls that ask for it are held. Before the first call; `pacing` must outlive the gate and decide nothing
  // after it.
  void hold_calls(Pacing& pacing);
  // As admit(), for a call that would rather wait up to `wait` than be refused (Pacing::admit: null if `done` has been
  // called, else what keeps the place). `call.name` must outlive the wait. Without hold_calls() nothing waits.
  std::shared_ptr<tools::PendingCall> admit_or_hold(std::shared_ptr<const tools::Caller> caller, const CallSpec& call,
                                                    std::chrono::milliseconds wait, Pacing::Done done,
                                                    Pacing::Moved moved = {});
  // The longest wait that is granted; 0 without hold_calls().
  [[nodiscard]] std::chrono::seconds wait_max() const;

  // Gives back all that an admitted call spent. Best effort.
  void refund(const tools::Caller& caller, const CallSpec& call, const limits::Decision& decision);
  // Gives back what an admitted call has not used up, and brings `decision` up to date if that was anything, so that
  // its reply shows it.
  void settle(const tools::Caller& caller, const CallSpec& call, CallEnd end, limits::Decision& decision);

  // Forgets a cached key at once (revoked or changed through this process); its held calls are decided anew.
  void forget_key(std::string_view key_id);
  // The same for every key of an account (its tier changed).
  void forget_account(std::string_view account_id);

  // Addresses whose failures are remembered now.
  [[nodiscard]] std::size_t guarded_addresses() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::server

#include "server/gate.h"

#include <algorithm>
#include <utility>

#include "base/hmac.h"
#include "base/log.h"
#include "server/address_guard.h"
#include "server/client_address.h"
#include "server/credentials.h"
#include "server/api_key.h"
#include "server/error_reply.h"
#include "server/key_cache.h"
#include "server/last_used.h"
#include "store/accounts_store.h"

namespace weir::server {
namespace {

using std::chrono::milliseconds;

// "Last used" is for people who look for forgotten keys: a minute is exact enough.
constexpr milliseconds kTouchEvery = std::chrono::minutes{1};

limits::CallKind kind_of(const CallSpec& call) {
  return call.starts_scan ? limits::CallKind::scan : limits::CallKind::any;
}

const limits::Quota& quota_of(const tools::Caller& caller, const CallSpec& call) {
  return call.starts_scan ? caller.scan_quota : caller.quota;
}

// The limiter counts in whole milliseconds, rounded up, so one that is asked right after it admitted may tell a delay
// of the window and 1 ms: "Retry-After: 61" for a minute. The window is enough: Pacing holds a call that is early by
// that millisecond.
void drop_rounding(limits::Decision& decision) {
  const limits::PolicyState* const shown = decision.shown();
  if (decision.is_allowed || shown == nullptr) return;
  if (decision.retry_after == shown->window + milliseconds{1}) decision.retry_after = shown->window;
}

std::string named(const CachedKey& key) {
  return "The API key \"" + key.caller->key_name + "\" (" + key.prefix + "...)";
}

}  // namespace

// The parts are thread-safe each; the rest is constant.
struct Gate::State {
  State(const GateSettings& gate_settings, store::Database& the_database, limits::RateLimiter& the_limiter,
        const limits::Tiers& the_tiers, const Clock& the_clock, IdGenerator& the_ids, UsageCounter* the_usage)
      : settings(gate_settings), database(the_database), limiter(the_limiter), tiers(the_tiers), clock(the_clock),
        ids(the_ids), keys(settings.cached_keys_max),
        guard(settings.failures_per_address, settings.tracked_addresses_max), last_used(database),
        usage(the_usage) {}

  // What the database says of the key with this hash now; null if it knows none.
  Result<std::shared_ptr<CachedKey>> look_up(const Sha256& hash);
  std::shared_ptr<const tools::Caller> caller_of(const store::KeyWithAccount& row) const;
  // The caller, or why this key is one no more.
  Result<std::shared_ptr<const tools::Caller>> accept(CachedKey& key, std::string_view header);
  std::optional<Error> refusal_of(const CachedKey& key, std::string_view header) const;
  // rate_limit_exceeded if this address has failed too often.
  std::optional<Error> guarded(const http::Request& request) const;
  Error failed(const http::Request& request, Error error);
  void touch(CachedKey& key);
  std::optional<Error> missing_scope(const tools::Caller& caller, const CallSpec& call) const;
  // What every decision passes, at once or after a wait.
  Result<limits::Decision> decided(const tools::Caller& caller, const CallSpec& call,
                                   Result<limits::Decision> decision) const;
  void count(const tools::Caller& caller, const CallSpec& call, CallOutcome outcome) const {
    if (usage != nullptr && call.usage == CallSpec::Usage::counted) usage->count(caller, call.name, outcome);
  }

  const GateSettings settings;
  store::Database& database;
  limits::RateLimiter& limiter;
  const limits::Tiers& tiers;
  const Clock& clock;
  IdGenerator& ids;
  KeyCache keys;
  mutable AddressGuard guard;
  LastUsed last_used;
  UsageCounter* const usage;  // null: nothing is counted
  Pacing* pacing = nullptr;   // null: nothing is held
};

Result<std::shared_ptr<CachedKey>> Gate::State::look_up(const Sha256& hash) {
  // Taken before the reading, so that an entry is never believed for longer than key_refresh after it was true.
  const auto checked_at = clock.steady_now();
  const std::string hex = to_hex(hash);
  auto row = database.read_for([&](store::Transaction& transaction) { return store::key_by_hash(transaction, hex); });
  if (!row) {
    if (row.error().code == ErrorCode::not_found) return std::shared_ptr<CachedKey>();
    return std::move(row).error();
  }
  if (!equal_in_constant_time(row->key.hash, hex)) return std::shared_ptr<CachedKey>();

  auto key = std::make_shared<CachedKey>();
  key->caller = caller_of(*row);
  key->prefix = row->key.prefix;
  key->expires_at = row->key.expires_at;
  key->revoked_at = row->key.revoked_at;
  key->checked_at = checked_at;
  if (row->key.last_used_at) key->touched_ms = to_unix_ms(*row->key.last_used_at);
  return key;
}

std::shared_ptr<const tools::Caller> Gate::State::caller_of(const store::KeyWithAccount& row) const {
  auto caller = std::make_shared<tools::Caller>();
  caller->account_id = row.account.id;
  caller->account_name = row.account.name;
  caller->key_id = row.key.id;
  caller->key_name = row.key.name;
  caller->tier = row.account.tier;
  if (auto scopes = tools::Scopes::parse(row.key.scopes)) {
    caller->scopes = *scopes;
  } else {
    // A scope that a newer version granted: the key keeps none rather than a guess.
    log::warning("gate.unknown_scope", {{"key_id", row.key.id}, {"message", scopes.error().message}});
  }
  const auto of_account = row.account.tier == "custom" ? row.account.limit_override : std::nullopt;
  caller->quota = tiers.quota_for(row.account.tier, row.key.limit_override ? row.key.limit_override : of_account);
  caller->scan_quota = tiers.quota_for(row.account.tier, row.key.limit_override ? row.key.limit_override : of_account,
                                       limits::CallKind::scan);
  caller->budget = limiter.budget(row.key.id);
  return caller;
}

std::optional<Error> Gate::State::refusal_of(const CachedKey& key, std::string_view header) const {
  if (key.revoked_at) {
    return rejected_key_error(ErrorCode::unauthorized, header,
                              named(key) + " was revoked on " + to_rfc3339(*key.revoked_at) +
                                  ". Create another with: weir keys create --account " + key.caller->account_name);
  }
  if (key.expires_at && *key.expires_at <= clock.now()) {
    return rejected_key_error(ErrorCode::api_key_expired, header,
                              named(key) + " expired on " + to_rfc3339(*key.expires_at) +
                                  ". Create another with: weir keys create --account " + key.caller->account_name);
  }
  return std::nullopt;
}

std::optional<Error> Gate::State::guarded(const http::Request& request) const {
  const auto delay = guard.delay(client_address(request, settings.trusted_proxies), clock.steady_now());
  if (!delay) return std::nullopt;
  const std::int64_t seconds = retry_after_seconds(*delay);
  return Error(ErrorCode::rate_limit_exceeded,
               "Too many requests without a valid API key came from your address. Check the key, then retry after " +
                   std::to_string(seconds) + (seconds == 1 ? " second." : " seconds."))
      .retry_in(*delay);
}

Error Gate::State::failed(const http::Request& request, Error error) {
  guard.count_failure(client_address(request, settings.trusted_proxies), clock.steady_now());
  return error;
}

void Gate::State::touch(CachedKey& key) {
  const std::int64_t now_ms = to_unix_ms(clock.now());
  std::int64_t touched_ms = key.touched_ms.load(std::memory_order_relaxed);
  if (now_ms - touched_ms < kTouchEvery.count()) return;
  // One of the threads that see this moment makes the note.
  if (!key.touched_ms.compare_exchange_strong(touched_ms, now_ms)) return;
  if (!last_used.note(key.caller->key_id, from_unix_ms(now_ms))) key.touched_ms = touched_ms;
}

CallEnd end_of(const Result<tools::ToolResult>& result) {
  if (!result) return result.error().code == ErrorCode::internal ? CallEnd::failed_inside : CallEnd::changed_nothing;
  return result->is_replayed ? CallEnd::changed_nothing : CallEnd::served;
}

Gate::Gate(const GateSettings& settings, store::Database& database, limits::RateLimiter& limiter,
           const limits::Tiers& tiers, const Clock& clock, IdGenerator& ids, UsageCounter* usage)
    : state_(std::make_unique<State>(settings, database, limiter, tiers, clock, ids, usage)) {}

Gate::~Gate() = default;

std::string Gate::request_id(const http::Request& request) {
  constexpr std::size_t kCharactersMax = 128;
  const auto given = request.headers.find("X-Request-ID");
  const bool is_usable = given && !given->empty() && given->size() <= kCharactersMax &&
                         std::all_of(given->begin(), given->end(), [](char c) { return c > 0x20 && c < 0x7F; });
  return is_usable ? std::string(*given) : state_->ids.make("req");
}

Result<std::shared_ptr<const tools::Caller>> Gate::authenticate(const http::Request& request) {
  State& state = *state_;
  const auto credentials = find_credentials(request);
  if (!credentials) {
    if (auto refused = state.guarded(request)) return *std::move(refused);
    return state.failed(request, credentials.error());
  }

  const Sha256 hash = sha256(credentials->key);
  std::shared_ptr<CachedKey> cached = state.keys.find(hash);
  const bool is_believed = cached && state.clock.steady_now() - cached->checked_at < state.settings.key_refresh;
  const auto refusal = cached ? state.refusal_of(*cached, credentials->header) : std::nullopt;
  if (is_believed && !refusal) {
    state.touch(*cached);
    return cached->caller;
  }

  // A key that was good a moment ago passes the guard: its neighbours' mistakes behind one address are not its own.
  if (!cached || refusal) {
    if (auto refused = state.guarded(request)) return *std::move(refused);
  }
  if (is_believed) return state.failed(request, *refusal);
  if (!cached && !has_key_form(credentials->key)) return state.failed(request, malformed_key_error(*credentials));

  auto found = state.look_up(hash);
  if (!found) return std::move(found).error();
  if (*found == nullptr) {
    state.keys.forget(hash);
    return state.failed(request, rejected_key_error(ErrorCode::unauthorized, credentials->header,
                                                    "This server does not know the API key that was sent. It may belong "
                                                    "to another server or data folder. See its keys with: weir keys "
                                                    "list"));
  }
  CachedKey& key = **found;
  if (cached) key.touched_ms = std::max(key.touched_ms.load(), cached->touched_ms.load());
  state.keys.put(hash, *found);
  if (auto ended = state.refusal_of(key, credentials->header)) return state.failed(request, *std::move(ended));
  state.touch(key);
  return key.caller;
}

std::optional<Error> Gate::State::missing_scope(const tools::Caller& caller, const CallSpec& call) const {
  if (caller.scopes.allows(call.scope)) return std::nullopt;
  count(caller, call, CallOutcome::refused);
  const std::string needed(tools::to_string(call.scope));
  std::string present;
  for (const std::string& name : caller.scopes.names()) present += (present.empty() ? "" : ", ") + name;
  return Error(ErrorCode::insufficient_scope,
               printable(call.name) + " needs the scope " + needed + "; this key has " +
                   (present.empty() ? "none" : present) + ". Use a key with it, or create one with: weir keys create "
                   "--account " + caller.account_name + " --scopes " + needed)
      .with_field("scope", needed);
}

Result<limits::Decision> Gate::State::decided(const tools::Caller& caller, const CallSpec& call,
                                              Result<limits::Decision> decision) const {
  count(caller, call, decision && decision->is_allowed ? CallOutcome::admitted : CallOutcome::refused);
  if (decision) drop_rounding(*decision);
  return decision;
}

Result<limits::Decision> Gate::admit(const tools::Caller& caller, const CallSpec& call) {
  State& state = *state_;
  if (auto missing = state.missing_scope(caller, call)) return *std::move(missing);
  return state.decided(caller, call,
                       state.pacing != nullptr
                           ? state.pacing->decide(caller, kind_of(call), call.cost)
                           : state.limiter.acquire(*caller.budget, quota_of(caller, call), call.cost));
}

void Gate::hold_calls(Pacing& pacing) { state_->pacing = &pacing; }

std::chrono::seconds Gate::wait_max() const {
  if (state_->pacing == nullptr) return std::chrono::seconds{0};
  return std::chrono::duration_cast<std::chrono::seconds>(state_->pacing->wait_max());
}

std::shared_ptr<tools::PendingCall> Gate::admit_or_hold(std::shared_ptr<const tools::Caller> caller, const CallSpec& call,
                                                        milliseconds wait, Pacing::Done done, Pacing::Moved moved) {
  if (state_->pacing == nullptr) {
    done(admit(*caller, call));
    return nullptr;
  }
  if (auto missing = state_->missing_scope(*caller, call)) {
    done(*std::move(missing));
    return nullptr;
  }
  Pacing::Spending spending{.caller = caller, .kind = kind_of(call), .cost = call.cost};
  return state_->pacing->admit(
      std::move(spending), wait,
      [this, caller = std::move(caller), call, done = std::move(done)](Result<limits::Decision> decision) {
        done(state_->decided(*caller, call, std::move(decision)));
      },
      std::move(moved));
}

void Gate::refund(const tools::Caller& caller, const CallSpec& call, const limits::Decision& decision) {
  state_->limiter.refund(*caller.budget, quota_of(caller, call), decision, call.cost);
}

void Gate::settle(const tools::Caller& caller, const CallSpec& call, CallEnd end, limits::Decision& decision) {
  if (end == CallEnd::served || (end == CallEnd::changed_nothing && !call.starts_scan)) return;
  if (!decision.is_allowed || decision.is_unlimited || call.cost == 0) return;
  if (end == CallEnd::failed_inside) {
    refund(caller, call, decision);
  } else {
    limits::Quota day = caller.scan_quota;
    std::erase_if(day.policies, [](const limits::Policy& policy) { return policy.name != limits::kScansDay; });
    state_->limiter.refund(*caller.budget, day, decision, call.cost);
  }
  if (auto now = state_->limiter.acquire(*caller.budget, quota_of(caller, call), 0)) decision = *std::move(now);
}

std::size_t Gate::guarded_addresses() const { return state_->guard.size(); }

void Gate::forget_key(std::string_view key_id) { state_->keys.forget_key(key_id); }

void Gate::forget_account(std::string_view account_id) { state_->keys.forget_account(account_id); }

}  // namespace weir::server

#include "server/gate.h"

#include <algorithm>
#include <utility>

#include "base/hmac.h"
#include "base/log.h"
#include "server/address_guard.h"
#include "server/api_key.h"
#include "server/auth/signed_token.h"
#include "server/auth/token_authority.h"
#include "server/client_address.h"
#include "server/credentials.h"
#include "server/error_reply.h"
#include "server/key_cache.h"
#include "server/last_used.h"
#include "store/accounts_store.h"
#include "store/scan_pace.h"
#include "tools/scans/day_quota.h"

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

// Subjects have rows among the keys (server/auth), but no key.
bool is_subject(const tools::Caller& caller) { return caller.key_id.starts_with(auth::kSubjectIdPrefix); }

std::string named(const CachedKey& key) {
  return "The API key \"" + key.caller->key_name + "\" (" + key.prefix + "...)";
}

}  // namespace

// The parts are thread-safe each; the rest is constant.
struct Gate::State {
  State(const GateSettings& gate_settings, store::Database& the_database, limits::RateLimiter& the_limiter,
        const limits::Tiers& the_tiers, const Clock& the_clock, IdGenerator& the_ids, UsageCounter* the_usage)
      : settings(gate_settings),
        database(the_database),
        limiter(the_limiter),
        tiers(the_tiers),
        clock(the_clock),
        ids(the_ids),
        keys(settings.cached_keys_max),
        guard(settings.failures_per_address, settings.tracked_addresses_max),
        last_used(database),
        usage(the_usage) {}

  // What the database says of the key with this hash now; null if it knows none.
  Result<std::shared_ptr<CachedKey>> look_up(const Sha256& hash);
  // A key has the scopes of its row; a subject those of its token, `granted`.
  std::shared_ptr<const tools::Caller> caller_of(const store::KeyWithAccount& row,
                                                 const std::optional<tools::Scopes>& granted = std::nullopt) const;
  // The same as Gate::authenticate for a token of the issuer.
  Result<std::shared_ptr<const tools::Caller>> accept_token(const http::Request& request, std::string_view token);
  // A caller whose call was held, as its key is now, or why it is one no more.
  Result<std::shared_ptr<const tools::Caller>> renewed(const tools::Caller& caller) const;
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
  // What is left of the day, as the account's stored scans tell it (docs/decisions/0009). Blocks for a read.
  void show_day(const tools::Caller& caller, limits::Decision& decision) const;
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
  UsageCounter* const usage;               // null: nothing is counted
  auth::TokenAuthority* tokens = nullptr;  // null: only API keys
  Pacing* pacing = nullptr;                // null: nothing is held
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

std::shared_ptr<const tools::Caller> Gate::State::caller_of(const store::KeyWithAccount& row,
                                                            const std::optional<tools::Scopes>& granted) const {
  auto caller = std::make_shared<tools::Caller>();
  caller->account_id = row.account.id;
  caller->account_name = row.account.name;
  caller->key_id = row.key.id;
  caller->key_name = row.key.name;
  caller->tier = row.account.tier;
  if (granted) {
    caller->scopes = *granted;
  } else if (auto scopes = tools::Scopes::parse(row.key.scopes)) {
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

Result<std::shared_ptr<const tools::Caller>> Gate::State::renewed(const tools::Caller& caller) const {
  auto row = database.read_for(
      [&](store::Transaction& transaction) { return store::key_with_account(transaction, caller.key_id); });
  if (!row) return std::move(row).error();
  CachedKey key;
  key.caller = is_subject(caller) ? caller_of(*row, caller.scopes) : caller_of(*row);
  key.prefix = row->key.prefix;
  key.expires_at = row->key.expires_at;
  key.revoked_at = row->key.revoked_at;
  if (auto refusal = refusal_of(key, "Authorization")) return *std::move(refusal);
  return key.caller;
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

  if (state.tokens != nullptr && credentials->header == "Authorization" && auth::has_token_form(credentials->key)) {
    return state.accept_token(request, credentials->key);
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
    return state.failed(request,
                        rejected_key_error(ErrorCode::unauthorized, credentials->header,
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

Result<std::shared_ptr<const tools::Caller>> Gate::State::accept_token(const http::Request& request,
                                                                       std::string_view token) {
  const auto checked_at = clock.steady_now();
  const Sha256 hash = sha256(token);
  const std::shared_ptr<CachedKey> cached = keys.find(hash);
  if (cached && checked_at - cached->checked_at < settings.key_refresh && clock.now() < *cached->expires_at) {
    touch(*cached);
    return cached->caller;
  }
  if (!cached) {
    if (auto refused = guarded(request)) return *std::move(refused);
  }
  auto bearer = tokens->accept(token);
  if (!bearer) {
    if (bearer.error().code == ErrorCode::unavailable) return std::move(bearer).error();
    keys.forget(hash);
    if (bearer.error().code != ErrorCode::unauthorized) return failed(request, std::move(bearer).error());
    return failed(request, rejected_key_error(ErrorCode::unauthorized, "Authorization", bearer.error().message));
  }
  const store::ApiKeyRow& row = bearer->row.key;
  if (row.revoked_at) {
    keys.forget(hash);
    return failed(request,
                  Error(ErrorCode::forbidden, "The " + printable(row.name) + " was locked out on " +
                                                  to_rfc3339(*row.revoked_at) + ". Ask the operator of this server."));
  }
  auto key = std::make_shared<CachedKey>();
  key->caller = caller_of(bearer->row, bearer->identity.scopes);
  key->prefix = row.prefix;
  key->expires_at = bearer->identity.expires_at;
  key->checked_at = checked_at;
  if (row.last_used_at) key->touched_ms = to_unix_ms(*row.last_used_at);
  if (cached) key->touched_ms = std::max(key->touched_ms.load(), cached->touched_ms.load());
  keys.put(hash, key);
  touch(*key);
  return key->caller;
}

void Gate::accept_tokens(auth::TokenAuthority& tokens) { state_->tokens = &tokens; }

std::optional<std::string> Gate::challenge(const Error& error) const {
  auto challenge = challenge_of(error);
  if (challenge && state_->tokens != nullptr) *challenge += ", " + state_->tokens->resource().challenge_parameter();
  return challenge;
}

Result<std::shared_ptr<const tools::Caller>> Gate::authenticate_with(
    const http::Request& request, const std::function<Result<tools::Caller>()>& presented) {
  if (auto refused = state_->guarded(request)) return *std::move(refused);
  auto caller = presented();
  if (!caller) {
    if (caller.error().code != ErrorCode::unauthorized) return std::move(caller).error();
    return state_->failed(request, std::move(caller).error());
  }
  return state_->renewed(*caller);
}

Result<std::shared_ptr<const tools::Caller>> Gate::caller_of_key(std::string_view key_id,
                                                                 const tools::Scopes& of_subject) {
  tools::Caller caller;
  caller.key_id = key_id;
  caller.scopes = of_subject;
  auto now = state_->renewed(caller);
  if (now || now.error().code != ErrorCode::not_found) return now;
  return Error(ErrorCode::unauthorized, "The API key " + printable(key_id, 40) + " is gone.");
}

std::optional<Error> Gate::State::missing_scope(const tools::Caller& caller, const CallSpec& call) const {
  if (caller.scopes.allows(call.scope)) return std::nullopt;
  count(caller, call, CallOutcome::refused);
  const std::string needed(tools::to_string(call.scope));
  std::string present;
  for (const std::string& name : caller.scopes.names()) present += (present.empty() ? "" : ", ") + name;
  return Error(ErrorCode::insufficient_scope,
               printable(call.name) + " needs the scope " + needed + "; this " +
                   (is_subject(caller) ? "token has " : "key has ") + (present.empty() ? "none" : present) +
                   (is_subject(caller) && tokens != nullptr
                        ? ". Ask " + tokens->issuer() + " for a token with it."
                        : ". Use a key with it, or create one with: weir keys create --account " + caller.account_name +
                              " --scopes " + needed))
      .with_field("scope", needed);
}

Result<limits::Decision> Gate::State::decided(const tools::Caller& caller, const CallSpec& call,
                                              Result<limits::Decision> decision) const {
  count(caller, call, decision && decision->is_allowed ? CallOutcome::admitted : CallOutcome::refused);
  if (!decision) return decision;
  if (!decision->is_allowed && decision->shown() != nullptr && decision->shown()->name == limits::kScansDay) {
    show_day(caller, *decision);
  }
  drop_rounding(*decision);
  return decision;
}

void Gate::State::show_day(const tools::Caller& caller, limits::Decision& decision) const {
  limits::PolicyState* const day = tools::scans::day_of(decision);
  const auto policy = std::ranges::find(caller.scan_quota.policies, limits::kScansDay, &limits::Policy::name);
  if (day == nullptr || policy == caller.scan_quota.policies.end()) return;
  const auto stored = database.read_for([&](store::Transaction& transaction) {
    return store::scans_of_day(transaction, caller.account_id, policy->limit, tools::scans::kDailyQuotaWindow,
                               clock.now());
  });
  if (!stored) return;  // what the limiter knows is shown
  tools::scans::show_stored_day(*day, *stored);
  const auto index = static_cast<std::size_t>(day - decision.states.begin());
  if (decision.is_allowed) {
    // The day and the minute: the tighter one is shown.
    for (std::size_t i = 0; i < decision.states.size(); ++i) {
      if (decision.states[i].remaining < decision.states[decision.tightest].remaining) decision.tightest = i;
    }
  } else if (decision.tightest == index) {
    decision.retry_after =
        std::max(decision.retry_after, std::chrono::ceil<milliseconds>(day->reset_at - decision.decided_at));
  }
}

Result<limits::Decision> Gate::admit(const tools::Caller& caller, const CallSpec& call) {
  State& state = *state_;
  if (auto missing = state.missing_scope(caller, call)) return *std::move(missing);
  return state.decided(caller, call,
                       state.pacing != nullptr
                           ? state.pacing->decide(caller, kind_of(call), call.cost)
                           : state.limiter.acquire(*caller.budget, quota_of(caller, call), call.cost));
}

void Gate::hold_calls(Pacing& pacing) {
  state_->pacing = &pacing;
  pacing.renew_with([state = state_.get()](const tools::Caller& caller) { return state->renewed(caller); });
}

std::chrono::seconds Gate::wait_max() const {
  if (state_->pacing == nullptr) return std::chrono::seconds{0};
  return std::chrono::duration_cast<std::chrono::seconds>(state_->pacing->wait_max());
}

std::shared_ptr<tools::PendingCall> Gate::admit_or_hold(std::shared_ptr<const tools::Caller> caller,
                                                        const CallSpec& call, milliseconds wait, Pacing::Done done,
                                                        Pacing::Moved moved) {
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
  if (!decision.is_allowed || decision.is_unlimited || call.cost == 0) return;
  if (end != CallEnd::failed_inside && !call.starts_scan) return;
  if (end == CallEnd::served) return state_->show_day(caller, decision);
  if (end == CallEnd::failed_inside) {
    refund(caller, call, decision);
  } else {
    limits::Quota day = caller.scan_quota;
    std::erase_if(day.policies, [](const limits::Policy& policy) { return policy.name != limits::kScansDay; });
    state_->limiter.refund(*caller.budget, day, decision, call.cost);
  }
  if (auto now = state_->limiter.acquire(*caller.budget, quota_of(caller, call), 0)) decision = *std::move(now);
  if (call.starts_scan) state_->show_day(caller, decision);
}

std::size_t Gate::guarded_addresses() const { return state_->guard.size(); }

void Gate::forget_key(std::string_view key_id) {
  state_->keys.forget_key(key_id);
  if (state_->pacing == nullptr) return;
  state_->pacing->proceed_if([key_id](const tools::Caller& caller) { return caller.key_id == key_id; });
}

void Gate::forget_account(std::string_view account_id) {
  state_->keys.forget_account(account_id);
  if (state_->pacing == nullptr) return;
  state_->pacing->proceed_if([account_id](const tools::Caller& caller) { return caller.account_id == account_id; });
}

}  // namespace weir::server

// Gate: who is calling.
#include <algorithm>
#include <utility>

#include "base/hmac.h"
#include "base/log.h"
#include "server/api_key.h"
#include "server/client_address.h"
#include "server/credentials.h"
#include "server/error_reply.h"
#include "server/gate_state.h"

namespace weir::server {
namespace {

using std::chrono::milliseconds;

// "Last used" is for people who look for forgotten keys: a minute is exact enough.
constexpr milliseconds kTouchEvery = std::chrono::minutes{1};

std::string named(const CachedKey& key) {
  return "The API key \"" + key.caller->key_name + "\" (" + key.prefix + "...)";
}

}  // namespace

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

Result<std::shared_ptr<CachedKey>> Gate::State::look_up(const tools::Caller& caller) const {
  const auto checked_at = clock.steady_now();
  auto row = database.read_for(
      [&](store::Transaction& transaction) { return store::key_with_account(transaction, caller.key_id); });
  if (!row) return std::move(row).error();
  auto key = std::make_shared<CachedKey>();
  key->caller = is_subject(caller) ? caller_of(*row, caller.scopes) : caller_of(*row);
  key->prefix = row->key.prefix;
  key->expires_at = row->key.expires_at;
  key->revoked_at = row->key.revoked_at;
  key->checked_at = checked_at;
  return key;
}

Result<std::shared_ptr<const tools::Caller>> Gate::State::renewed(const tools::Caller& caller) const {
  auto key = look_up(caller);
  if (!key) return std::move(key).error();
  if (auto refusal = refusal_of(**key, "Authorization")) return *std::move(refusal);
  return (*key)->caller;
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

  const std::uint64_t seen = state.keys.changes();
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
  state.keys.put(hash, *found, seen);
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
  const std::uint64_t seen = keys.changes();
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
  keys.put(hash, key, seen);
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
  // Believed for as long as a key that is sent.
  std::string place = caller.key_id;
  for (const std::string& scope : of_subject.names()) place += " " + scope;
  const Sha256 hash = sha256(place);
  std::shared_ptr<CachedKey> key = state_->owners.find(hash);
  if (!key || state_->clock.steady_now() - key->checked_at >= state_->settings.key_refresh) {
    const std::uint64_t seen = state_->owners.changes();
    auto found = state_->look_up(caller);
    if (!found) {
      state_->owners.forget(hash);
      if (found.error().code != ErrorCode::not_found) return std::move(found).error();
      return Error(ErrorCode::unauthorized, "The API key " + printable(key_id, 40) + " is gone.");
    }
    key = *std::move(found);
    state_->owners.put(hash, key, seen);
  }
  if (auto refusal = state_->refusal_of(*key, "Authorization")) return *std::move(refusal);
  return key->caller;
}

}  // namespace weir::server

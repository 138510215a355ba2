// What the gate is made of; for gate.cc (what a call may) and gate_callers.cc (who is calling) only.
#pragma once
#include <memory>
#include <optional>

#include "server/address_guard.h"
#include "server/auth/signed_token.h"
#include "server/auth/token_authority.h"
#include "server/gate.h"
#include "server/key_cache.h"
#include "server/last_used.h"
#include "store/accounts_store.h"

namespace weir::server {

// Subjects have rows among the keys (server/auth), but no key.
inline bool is_subject(const tools::Caller& caller) { return caller.key_id.starts_with(auth::kSubjectIdPrefix); }

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
        owners(settings.cached_keys_max),
        guard(settings.failures_per_address, settings.tracked_addresses_max),
        last_used(database),
        usage(the_usage) {}

  // What the database says of the key with this hash now; null if it knows none.
  Result<std::shared_ptr<CachedKey>> look_up(const Sha256& hash);
  // The same of the key or subject of this id.
  Result<std::shared_ptr<CachedKey>> look_up(const tools::Caller& caller) const;
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
  KeyCache keys;    // by the hash of the key that was sent
  KeyCache owners;  // of runs, by the hash of the key's id: apart, so that nobody can send what stands for an id
  mutable AddressGuard guard;
  LastUsed last_used;
  UsageCounter* const usage;               // null: nothing is counted
  auth::TokenAuthority* tokens = nullptr;  // null: only API keys
  Pacing* pacing = nullptr;                // null: nothing is held
};

}  // namespace weir::server

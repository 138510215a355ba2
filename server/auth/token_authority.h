// What the gate asks about access tokens: one object for keys, verification, accounts and metadata.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "egress/resolver.h"
#include "limits/tiers.h"
#include "server/auth/protected_resource.h"
#include "server/auth/settings.h"
#include "server/auth/subject_accounts.h"
#include "server/auth/token_verifier.h"
#include "store/accounts_store.h"
#include "store/database.h"

namespace weir::auth {

// Not thread-safe: a set of references.
struct TokenParts {
  store::Database& database;
  const limits::Tiers& tiers;
  egress::Resolver& resolver;
  const Clock& clock;
  IdGenerator& ids;
};

// A token that was believed, and whose it is. Not thread-safe: a value.
struct Bearer {
  Identity identity;
  store::KeyWithAccount row;
};

// Thread-safe.
class TokenAuthority {
 public:
  // All of `parts` must outlive it. Returns validation_failed with a line for the operator if the settings do not fit
  // each other. Nothing is fetched yet.
  static Result<std::unique_ptr<TokenAuthority>> create(const Settings& settings, const std::string& public_url,
                                                        const TokenParts& parts);

  // Returns unauthorized, forbidden (no account for this subject) or unavailable (the issuer's keys cannot be had).
  // Blocks for the database, and up to KeySource::kFetchTimeout when the keys have to be fetched.
  Result<Bearer> accept(std::string_view token);
  // Fetches the issuer's keys; before the first call.
  void warm_up() { keys_.warm_up(); }

  [[nodiscard]] const ProtectedResource& resource() const { return resource_; }
  [[nodiscard]] const std::string& issuer() const { return settings_.issuer; }

 private:
  TokenAuthority(const Settings& settings, const std::string& public_url, const TokenParts& parts);

  const Settings settings_;
  const ProtectedResource resource_;
  KeySource keys_;
  TokenVerifier verifier_;
  SubjectAccounts accounts_;
};

}  // namespace weir::auth

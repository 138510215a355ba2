// The account of a token's subject. Each pair of issuer and subject has a row among the keys of its account (prefix
// "oauth", no secret), so that one limit, one usage and one revocation hold for all tokens of a person.
#pragma once
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "server/auth/settings.h"
#include "server/auth/token_verifier.h"
#include "store/accounts_store.h"
#include "store/database.h"

namespace weir::auth {

// Ids of these rows begin with it; those of API keys with "key".
inline constexpr std::string_view kSubjectIdPrefix = "sub";

// Thread-safe.
class SubjectAccounts {
 public:
  // All must outlive it; `settings` have passed check().
  SubjectAccounts(Settings settings, store::Database& database, const Clock& clock, IdGenerator& ids)
      : settings_(std::move(settings)), database_(database), clock_(clock), ids_(ids) {}

  // The row of this subject; made, with its account if need be, when it calls for the first time. Returns forbidden if
  // it may not have one: mapped to an account that does not exist, or unknown where only known ones are let in. Blocks
  // for the database.
  Result<store::KeyWithAccount> find_or_make(const Identity& identity);

 private:
  [[nodiscard]] std::string mapped_account(const std::string& subject) const;
  Result<store::KeyWithAccount> make(store::Transaction& transaction, const Identity& identity,
                                     const std::string& mark);
  Result<store::AccountRow> account_for(store::Transaction& transaction, const Identity& identity,
                                        const std::string& mark);

  const Settings settings_;
  store::Database& database_;
  const Clock& clock_;
  IdGenerator& ids_;
};

}  // namespace weir::auth

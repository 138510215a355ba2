// Accounts and API keys. A key's secret is never here, only its SHA-256.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct AccountRow {
  std::string id;
  std::string name;                            // unique
  std::string tier;                            // a name of the tier table: "free", "admin", ...
  std::optional<std::int64_t> limit_override;  // units per minute; with tier "custom"
  UnixMillis created_at{};
  UnixMillis updated_at{};
};

// Not thread-safe: a value.
struct ApiKeyRow {
  std::string id;
  std::string account_id;
  std::string name;
  std::string prefix;  // the first characters, for recognising it: "wk_Ab3x"
  std::string hash;    // hex SHA-256 of the whole key; of a subject "oauth:" and a digest
  std::vector<std::string> scopes;
  std::optional<std::int64_t> limit_override;
  std::optional<UnixMillis> expires_at;
  std::optional<UnixMillis> last_used_at;
  std::optional<UnixMillis> revoked_at;
  std::string created_by_key;  // "" if the command line made it
  UnixMillis created_at{};
};

struct KeyWithAccount {
  ApiKeyRow key;
  AccountRow account;
};

// An account with more active keys than this must revoke one first (api.md section 1).
inline constexpr int kActiveKeysMax = 10;
// The prefix of the rows of token subjects, which have no secret and do not count as keys (server/auth).
inline constexpr std::string_view kSubjectPrefix = "oauth";

// All functions run inside the caller's transaction.
Result<void> insert_account(Transaction& transaction, const AccountRow& account);
// Returns not_found if there is no such account.
Result<AccountRow> account_by_name(Transaction& transaction, std::string_view name);
Result<AccountRow> account_by_id(Transaction& transaction, std::string_view id);
Result<std::vector<AccountRow>> list_accounts(Transaction& transaction);
// Newest first.
Result<Page<AccountRow>> accounts_page(Transaction& transaction, const PageRequest& page);
Result<void> set_account_tier(Transaction& transaction, std::string_view id, std::string_view tier,
                              std::optional<std::int64_t> limit_override, UnixMillis now);

// Returns conflict if the account already has kActiveKeysMax active keys and this is another.
Result<void> insert_key(Transaction& transaction, const ApiKeyRow& key, UnixMillis now);
// Returns not_found. Revoked and expired keys are found too: the gate tells them apart.
Result<KeyWithAccount> key_by_hash(Transaction& transaction, std::string_view hash);
Result<ApiKeyRow> key_by_id(Transaction& transaction, std::string_view id);
// Newest first; of every account if `account_id` is empty.
Result<std::vector<KeyWithAccount>> list_keys(Transaction& transaction, std::string_view account_id);
Result<Page<KeyWithAccount>> keys_page(Transaction& transaction, std::string_view account_id, const PageRequest& page);
// Returns not_found.
Result<KeyWithAccount> key_with_account(Transaction& transaction, std::string_view id);
Result<void> revoke_key(Transaction& transaction, std::string_view id, UnixMillis at);
Result<void> set_key_expiry(Transaction& transaction, std::string_view id, UnixMillis expires_at);
Result<void> touch_key(Transaction& transaction, std::string_view id, UnixMillis used_at);

}  // namespace weir::store

// What an administrator does with accounts and keys, each change with its audit row. The command line and the REST
// routes are two faces of it. Not for deciding about calls: that is the gate.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "limits/tiers.h"
#include "store/accounts_store.h"
#include "store/database.h"

namespace weir::server {

enum class KeyState : std::uint8_t { active, expired, revoked };
std::string_view to_string(KeyState state);
KeyState state_of(const store::ApiKeyRow& key, UnixMillis now);

// Not thread-safe: a value.
struct KeyRequest {
  std::string account;                // by name; made if there is none
  std::optional<std::string> tier{};  // of a new account ("free" if nothing); an existing one must have it
  std::string name = "unnamed";
  std::vector<std::string> scopes{"write"};  // names or the shorthands "read" and "write"
  std::optional<UnixMillis> expires_at{};
  std::optional<std::int64_t> limit_override{};  // units per minute instead of the tier's
  bool only_as_first = false;                    // refused as a conflict if there is any account
};

// A key that was just made: the only time that its secret is known. Not thread-safe: a value.
struct CreatedKey {
  std::string secret;
  store::ApiKeyRow key;
  store::AccountRow account;
  bool is_new_account = false;
};

inline constexpr std::chrono::hours kRotationOverlap{24};

// Thread-safe.
class KeyAdmin {
 public:
  // All must outlive this object.
  KeyAdmin(store::Database& database, const limits::Tiers& tiers, const Clock& clock, IdGenerator& ids, Random& random)
      : database_(database), tiers_(tiers), clock_(clock), ids_(ids), random_(random) {}

  // `actor` is a key's id, or "cli". A `selector` names a key by its id, or by the beginning of its id or of its
  // visible prefix ("wk_Ab3x") if only one key begins so. All of these block for the database.

  // `limit_override` is for the tier "custom" and required there. Returns validation_failed, or conflict if the name is
  // taken.
  Result<store::AccountRow> create_account(std::string_view name, std::string_view tier,
                                           std::optional<std::int64_t> limit_override, std::string_view actor);
  // Returns validation_failed (unknown tier or scope, a time in the past, an impossible limit, a bad name) or conflict
  // (the account has another tier, or as many active keys as it may).
  Result<CreatedKey> create_key(const KeyRequest& request, std::string_view actor);
  // Newest first; of every account if `account` is empty. Returns not_found if there is no such account.
  Result<std::vector<store::KeyWithAccount>> list_keys(std::string_view account);
  // The key as it is afterwards. Revoking twice changes nothing. Returns not_found, or conflict if several keys match
  // or it is the last active key with the scope admin.
  Result<store::KeyWithAccount> revoke_key(std::string_view selector, std::string_view actor);
  // A new key with the name, scopes, limit and expiry of the old one, which ends after `overlap` (at once if 0).
  // Returns not_found, or conflict if several keys match or the key has already ended.
  Result<CreatedKey> rotate_key(std::string_view selector, std::chrono::milliseconds overlap, std::string_view actor);
  // Acts on every key of the account within a second. `limit_override` is for the tier "custom" and required there.
  Result<store::AccountRow> change_tier(std::string_view account, std::string_view tier,
                                        std::optional<std::int64_t> limit_override, std::string_view actor);

 private:
  Result<store::AccountRow> account_for(store::Transaction& transaction, const KeyRequest& request,
                                        std::string_view actor, bool& is_new) const;
  Result<void> check(const KeyRequest& request) const;
  Result<void> check_tier(std::string_view tier, const std::optional<std::int64_t>& limit_override) const;
  Result<store::AccountRow> add_account(store::Transaction& transaction, std::string_view name, std::string_view tier,
                                        std::optional<std::int64_t> limit_override, std::string_view actor) const;
  Result<const limits::Tier*> known_tier(std::string_view name) const;

  store::Database& database_;
  const limits::Tiers& tiers_;
  const Clock& clock_;
  IdGenerator& ids_;
  Random& random_;
};

// If there is no account yet: makes the account "default" (tier admin) and one key with the scope admin. The key's
// secret, which main prints once and writes to the data folder; nothing if there already was an account. Blocks for
// the database.
Result<std::optional<std::string>> first_start(store::Database& database, const Clock& clock, Random& random,
                                               IdGenerator& ids);

}  // namespace weir::server

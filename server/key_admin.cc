#include "server/key_admin.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "server/api_key.h"
#include "store/audit_store.h"
#include "tools/access.h"

namespace weir::server {
namespace {

constexpr std::size_t kNameCharactersMax = 100;
constexpr std::string_view kCustomTier = "custom";
constexpr std::string_view kNewAccountTier = "free";

Error invalid(std::string field, const std::string& message) {
  return Error(ErrorCode::validation_failed, message).with_field(std::move(field), message);
}

// A name is shown in lists, logs and messages: printable, no surprises at its ends.
Result<void> check_name(std::string_view what, std::string field, std::string_view name) {
  const bool is_visible = std::none_of(
      name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '"'; });
  if (!name.empty() && name.size() <= kNameCharactersMax && is_visible && name.front() != ' ' && name.back() != ' ') {
    return {};
  }
  return invalid(std::move(field), "The " + std::string(what) + " name \"" + printable(name, 60) +
                                       "\" must have 1 to " + std::to_string(kNameCharactersMax) +
                                       " characters, without control characters, quotes or outer spaces.");
}

Result<void> check_limit(const std::optional<std::int64_t>& limit) {
  if (!limit || (*limit >= 1 && *limit <= limits::kUnitsPerMinuteMax)) return {};
  return invalid("limit_override", "A limit of " + std::to_string(*limit) +
                                       " units per minute is not possible; give 1 to " +
                                       std::to_string(limits::kUnitsPerMinuteMax) + ".");
}

std::string ended_text(const store::ApiKeyRow& key, UnixMillis now) {
  const bool is_revoked = state_of(key, now) == KeyState::revoked;
  const UnixMillis when = is_revoked ? *key.revoked_at : *key.expires_at;
  return std::string(is_revoked ? "was revoked on " : "expired on ") + to_rfc3339(when);
}

// The one key that `selector` names, in any of the ways that a person has at hand.
Result<store::KeyWithAccount> find_key(store::Transaction& transaction, std::string_view selector) {
  if (has_key_form(selector)) {
    auto found = store::key_by_hash(transaction, hash_of_key(selector));
    if (found || found.error().code != ErrorCode::not_found) return found;
    return Error(ErrorCode::not_found, "This data folder holds no such key. See the keys with: weir keys list");
  }
  auto keys = store::list_keys(transaction, "");
  if (!keys) return std::move(keys).error();
  std::vector<store::KeyWithAccount> matches;
  for (store::KeyWithAccount& each : *keys) {
    if (each.key.id == selector) return std::move(each);
    if (!selector.empty() && (each.key.id.starts_with(selector) || each.key.prefix.starts_with(selector))) {
      matches.push_back(std::move(each));
    }
  }
  if (matches.size() == 1) return std::move(matches.front());
  const std::string shown = printable(selector, 40);
  if (matches.empty()) {
    return Error(ErrorCode::not_found,
                 "No key has an id or a prefix that begins with \"" + shown + "\". See the keys with: weir keys list");
  }
  constexpr std::size_t kNamedMax = 5;
  std::string list;
  for (std::size_t i = 0; i < std::min(matches.size(), kNamedMax); ++i) {
    list += (i == 0 ? "" : ", ") + matches[i].key.id + " (" + matches[i].key.name + ")";
  }
  if (matches.size() > kNamedMax) list += ", ...";
  return Error(ErrorCode::conflict,
               std::to_string(matches.size()) + " keys begin with \"" + shown + "\": " + list + ". Give a whole id.");
}

Result<void> insert_key(store::Transaction& transaction, const CreatedKey& created, UnixMillis now) {
  auto inserted = store::insert_key(transaction, created.key, now);
  if (inserted || inserted.error().code != ErrorCode::conflict) return inserted;
  return Error(ErrorCode::conflict, "The account \"" + created.account.name + "\" already has " +
                                        std::to_string(store::kActiveKeysMax) +
                                        " active keys, which is the most. Revoke one first: weir keys list --account " +
                                        created.account.name + ", then weir keys revoke KEY_ID");
}

Result<void> audit(store::Transaction& transaction, const store::AccountRow& account, std::string_view actor,
                   std::string_view action, std::string_view subject, Json data, UnixMillis now) {
  return store::insert_audit(transaction, {.account_id = account.id,
                                           .actor = std::string(actor),
                                           .action = std::string(action),
                                           .subject = std::string(subject),
                                           .data = std::move(data),
                                           .at = now});
}

bool is_active_admin(const store::ApiKeyRow& key, UnixMillis now) {
  const auto scopes = tools::Scopes::parse(key.scopes);
  return scopes && scopes->allows(tools::Scope::admin) && state_of(key, now) == KeyState::active;
}

// Nobody may lock everybody out: then only the machine's own command line could make keys again.
Result<void> check_not_last_admin(store::Transaction& transaction, const store::ApiKeyRow& key, UnixMillis now) {
  if (!is_active_admin(key, now)) return {};
  auto keys = store::list_keys(transaction, "");
  if (!keys) return std::move(keys).error();
  const bool has_another = std::any_of(keys->begin(), keys->end(), [&](const store::KeyWithAccount& each) {
    return each.key.id != key.id && is_active_admin(each.key, now);
  });
  if (has_another) return {};
  return Error(ErrorCode::conflict,
               "The key \"" + key.name + "\" (" + key.prefix +
                   "...) is the last active one with the scope admin. Create another first: weir keys "
                   "create --scopes admin, or rotate this one.");
}

// What an audit row says of a key; never the secret nor its hash.
Json described(const store::ApiKeyRow& key) {
  Json data{{"name", key.name}, {"prefix", key.prefix}, {"scopes", key.scopes}};
  if (key.expires_at) data["expires_at"] = to_rfc3339(*key.expires_at);
  if (key.limit_override) data["limit_override"] = *key.limit_override;
  return data;
}

Json described(const store::AccountRow& account) {
  Json data{{"name", account.name}, {"tier", account.tier}};
  if (account.limit_override) data["limit_override"] = *account.limit_override;
  return data;
}

}  // namespace

std::string_view to_string(KeyState state) {
  switch (state) {
    case KeyState::active: return "active";
    case KeyState::expired: return "expired";
    case KeyState::revoked: return "revoked";
  }
  return "revoked";
}

KeyState state_of(const store::ApiKeyRow& key, UnixMillis now) {
  if (key.revoked_at && *key.revoked_at <= now) return KeyState::revoked;
  if (key.expires_at && *key.expires_at <= now) return KeyState::expired;
  return KeyState::active;
}

Result<const limits::Tier*> KeyAdmin::known_tier(std::string_view name) const {
  const limits::Tier* const tier = tiers_.find(name);
  if (tier != nullptr) return tier;
  return invalid("tier", "There is no tier \"" + printable(name, 60) + "\". The tiers are " + tiers_.names() + ".");
}

Result<void> KeyAdmin::check(const KeyRequest& request) const {
  if (auto checked = check_name("account", "account", request.account); !checked) return checked;
  if (auto checked = check_name("key", "name", request.name); !checked) return checked;
  if (auto checked = check_limit(request.limit_override); !checked) return checked;
  if (request.tier) {
    if (auto tier = known_tier(*request.tier); !tier) return std::move(tier).error();
  }
  if (request.scopes.empty()) {
    return invalid("scopes", "A key needs at least one scope, for example \"read\" or \"write\".");
  }
  if (request.expires_at && *request.expires_at <= clock_.now()) {
    return invalid("expires_at", "The key would expire at " + to_rfc3339(*request.expires_at) +
                                     ", which has passed. Give a time in the future, or none.");
  }
  return {};
}

Result<store::AccountRow> KeyAdmin::account_for(store::Transaction& transaction, const KeyRequest& request,
                                                std::string_view actor, bool& is_new) const {
  auto found = store::account_by_name(transaction, request.account);
  if (!found && found.error().code != ErrorCode::not_found) return found;
  if (found) {
    if (request.tier && *request.tier != found->tier) {
      return Error(ErrorCode::conflict, "The account \"" + found->name + "\" has the tier \"" + found->tier +
                                            "\", not \"" + *request.tier +
                                            "\". Leave the tier out, use another account, or change the account's "
                                            "tier, which acts on all of its keys.");
    }
    return found;
  }

  const std::string tier = request.tier.value_or(std::string(kNewAccountTier));
  const auto limit = tier == kCustomTier ? request.limit_override : std::nullopt;
  if (auto checked = check_tier(tier, limit); !checked) return std::move(checked).error();
  auto account = add_account(transaction, request.account, tier, limit, actor);
  if (!account) return account;
  is_new = true;
  return account;
}

Result<void> KeyAdmin::check_tier(std::string_view tier, const std::optional<std::int64_t>& limit_override) const {
  if (auto known = known_tier(tier); !known) return std::move(known).error();
  if (auto checked = check_limit(limit_override); !checked) return checked;
  if ((tier == kCustomTier) == limit_override.has_value()) return {};
  return invalid("limit_override",
                 tier == kCustomTier
                     ? "The tier \"custom\" has no limit of its own: give one, in units per minute."
                     : "Only the tier \"custom\" takes a limit; \"" + std::string(tier) + "\" has its own.");
}

Result<store::AccountRow> KeyAdmin::add_account(store::Transaction& transaction, std::string_view name,
                                                std::string_view tier, std::optional<std::int64_t> limit_override,
                                                std::string_view actor) const {
  const UnixMillis now = clock_.now();
  store::AccountRow account{.id = ids_.make("acc"),
                            .name = std::string(name),
                            .tier = std::string(tier),
                            .limit_override = limit_override,
                            .created_at = now,
                            .updated_at = now};
  if (auto inserted = store::insert_account(transaction, account); !inserted) {
    if (inserted.error().code != ErrorCode::conflict) return std::move(inserted).error();
    return Error(ErrorCode::conflict,
                 "There already is an account \"" + account.name + "\". Use it, or choose another name.");
  }
  auto audited = audit(transaction, account, actor, "account.created", account.id, described(account), now);
  if (!audited) return std::move(audited).error();
  return account;
}

Result<store::AccountRow> KeyAdmin::create_account(std::string_view name, std::string_view tier,
                                                   std::optional<std::int64_t> limit_override, std::string_view actor) {
  if (auto checked = check_name("account", "name", name); !checked) return std::move(checked).error();
  if (auto checked = check_tier(tier, limit_override); !checked) return std::move(checked).error();
  return database_.write_for(
      [&](store::Transaction& transaction) { return add_account(transaction, name, tier, limit_override, actor); });
}

Result<CreatedKey> KeyAdmin::create_key(const KeyRequest& request, std::string_view actor) {
  if (auto checked = check(request); !checked) return std::move(checked).error();
  auto scopes = tools::Scopes::parse(request.scopes);
  if (!scopes) return std::move(scopes).error();
  const NewApiKey made = make_api_key(random_);
  const UnixMillis now = clock_.now();

  return database_.write_for([&](store::Transaction& transaction) -> Result<CreatedKey> {
    if (request.only_as_first) {
      auto accounts = store::list_accounts(transaction);
      if (!accounts) return std::move(accounts).error();
      if (!accounts->empty()) return Error(ErrorCode::conflict, "There already is an account.");
    }
    CreatedKey created;
    auto account = account_for(transaction, request, actor, created.is_new_account);
    if (!account) return std::move(account).error();
    created.secret = made.secret;
    created.account = *std::move(account);
    created.key = {.id = ids_.make("key"),
                   .account_id = created.account.id,
                   .name = request.name,
                   .prefix = made.prefix,
                   .hash = made.hash,
                   .scopes = scopes->names(),
                   .limit_override = request.limit_override,
                   .expires_at = request.expires_at,
                   .last_used_at = std::nullopt,
                   .revoked_at = std::nullopt,
                   .created_by_key = actor == "cli" ? std::string() : std::string(actor),
                   .created_at = now};
    // A new custom account took the limit for all of its keys, so that changing it later changes this key's, too.
    if (created.is_new_account && created.account.tier == kCustomTier) created.key.limit_override.reset();
    if (auto inserted = insert_key(transaction, created, now); !inserted) return std::move(inserted).error();
    auto audited =
        audit(transaction, created.account, actor, "key.created", created.key.id, described(created.key), now);
    if (!audited) return std::move(audited).error();
    return created;
  });
}

Result<std::vector<store::KeyWithAccount>> KeyAdmin::list_keys(std::string_view account) {
  return database_.read_for([&](store::Transaction& transaction) -> Result<std::vector<store::KeyWithAccount>> {
    std::string account_id;
    if (!account.empty()) {
      auto found = store::account_by_name(transaction, account);
      if (!found) return std::move(found).error();
      account_id = found->id;
    }
    return store::list_keys(transaction, account_id);
  });
}

Result<store::KeyWithAccount> KeyAdmin::revoke_key(std::string_view selector, std::string_view actor) {
  return database_.write_for([&](store::Transaction& transaction) -> Result<store::KeyWithAccount> {
    auto found = find_key(transaction, selector);
    if (!found || found->key.revoked_at) return found;
    const UnixMillis now = clock_.now();
    if (auto checked = check_not_last_admin(transaction, found->key, now); !checked) return std::move(checked).error();
    found->key.revoked_at = now;
    if (auto done = store::revoke_key(transaction, found->key.id, now); !done) return std::move(done).error();
    auto audited = audit(transaction, found->account, actor, "key.revoked", found->key.id, described(found->key), now);
    if (!audited) return std::move(audited).error();
    return found;
  });
}

Result<CreatedKey> KeyAdmin::rotate_key(std::string_view selector, std::chrono::milliseconds overlap,
                                        std::string_view actor) {
  if (overlap < std::chrono::milliseconds{0}) {
    return invalid("overlap_seconds", "The overlap of a rotation cannot be negative; 0 ends the old key at once.");
  }
  const NewApiKey made = make_api_key(random_);
  const UnixMillis now = clock_.now();
  return database_.write_for([&](store::Transaction& transaction) -> Result<CreatedKey> {
    auto old = find_key(transaction, selector);
    if (!old) return std::move(old).error();
    if (state_of(old->key, now) != KeyState::active) {
      return Error(ErrorCode::conflict, "The key \"" + old->key.name + "\" " + ended_text(old->key, now) +
                                            ", so it cannot be rotated. Create a new one instead.");
    }
    if (old->key.prefix == store::kSubjectPrefix) {
      return Error(ErrorCode::conflict, "\"" + old->key.name +
                                            "\" is a subject of the authorization server and has no "
                                            "key to rotate. Revoke it to lock it out.");
    }
    CreatedKey created{.secret = made.secret, .key = old->key, .account = old->account};
    created.key.id = ids_.make("key");
    created.key.prefix = made.prefix;
    created.key.hash = made.hash;
    created.key.created_by_key = actor == "cli" ? std::string() : std::string(actor);
    created.key.last_used_at.reset();
    created.key.created_at = now;

    // The old key ends first: then an account with all the keys that it may have can still rotate without overlap.
    const UnixMillis ends_at = std::min(now + overlap, old->key.expires_at.value_or(now + overlap));
    auto ended = overlap.count() == 0 ? store::revoke_key(transaction, old->key.id, now)
                                      : store::set_key_expiry(transaction, old->key.id, ends_at);
    if (!ended) return std::move(ended).error();
    if (auto inserted = insert_key(transaction, created, now); !inserted) return std::move(inserted).error();
    Json data = described(created.key);
    data["replaces"] = old->key.id;
    data["old_key_ends_at"] = to_rfc3339(ends_at);
    auto audited = audit(transaction, created.account, actor, "key.rotated", created.key.id, std::move(data), now);
    if (!audited) return std::move(audited).error();
    return created;
  });
}

Result<store::AccountRow> KeyAdmin::change_tier(std::string_view account, std::string_view tier,
                                                std::optional<std::int64_t> limit_override, std::string_view actor) {
  if (auto checked = check_tier(tier, limit_override); !checked) return std::move(checked).error();
  const UnixMillis now = clock_.now();
  return database_.write_for([&](store::Transaction& transaction) -> Result<store::AccountRow> {
    auto found = store::account_by_name(transaction, account);
    if (!found) return found;
    Json data{{"from", described(*found)}};
    found->tier = tier;
    found->limit_override = limit_override;
    found->updated_at = now;
    data["to"] = described(*found);
    auto changed = store::set_account_tier(transaction, found->id, tier, limit_override, now);
    if (!changed) return std::move(changed).error();
    auto audited = audit(transaction, *found, actor, "account.tier_changed", found->id, std::move(data), now);
    if (!audited) return std::move(audited).error();
    return found;
  });
}

Result<std::optional<std::string>> first_start(store::Database& database, const Clock& clock, Random& random,
                                               IdGenerator& ids) {
  auto accounts = database.read_for([](store::Transaction& transaction) { return store::list_accounts(transaction); });
  if (!accounts) return std::move(accounts).error();
  if (!accounts->empty()) return std::optional<std::string>();

  // The tier "admin" is in every table of tiers that this can be called with: a configuration may not remove it.
  const limits::Tiers tiers = limits::Tiers::defaults();
  KeyAdmin admin(database, tiers, clock, ids, random);
  auto created = admin.create_key({.account = "default",
                                   .tier = "admin",
                                   .name = "first admin key",
                                   .scopes = {"admin"},
                                   .expires_at = std::nullopt,
                                   .limit_override = std::nullopt,
                                   .only_as_first = true},
                                  "cli");
  // Another node of a cluster that starts was faster: it shows the key.
  if (!created && created.error().code == ErrorCode::conflict) return std::optional<std::string>();
  if (!created) return std::move(created).error();
  return std::optional<std::string>(std::move(created->secret));
}

}  // namespace weir::server

#include "store/accounts_store.h"

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

constexpr std::string_view kNoAccount = "there is no such account: list the accounts to see their names";
constexpr std::string_view kNoKey = "there is no such key: list the keys to see their ids";

constexpr std::string_view kAccountColumns = "a.id, a.name, a.tier, a.limit_override, a.created_at, a.updated_at";
constexpr std::string_view kKeyColumns =
    "k.id, k.account_id, k.name, k.prefix, k.hash, k.scopes, k.limit_override, k.expires_at, k.last_used_at, "
    "k.revoked_at, k.created_by_key, k.created_at";
constexpr std::size_t kKeyColumnCount = 12;

AccountRow account_in(const Row& row, std::size_t first) {
  return {.id = row.text(first),
          .name = row.text(first + 1),
          .tier = row.text(first + 2),
          .limit_override = row.optional_integer(first + 3),
          .created_at = time_in(row, first + 4),
          .updated_at = time_in(row, first + 5)};
}

AccountRow account_from(const Row& row) { return account_in(row, 0); }

ApiKeyRow key_from(const Row& row) {
  return {.id = row.text(0),
          .account_id = row.text(1),
          .name = row.text(2),
          .prefix = row.text(3),
          .hash = row.text(4),
          .scopes = texts_in(row, 5),
          .limit_override = row.optional_integer(6),
          .expires_at = optional_time_in(row, 7),
          .last_used_at = optional_time_in(row, 8),
          .revoked_at = optional_time_in(row, 9),
          .created_by_key = row.text(10),
          .created_at = time_in(row, 11)};
}

KeyWithAccount key_with_account_from(const Row& row) {
  return {.key = key_from(row), .account = account_in(row, kKeyColumnCount)};
}

SqlText select_keys_with_accounts() {
  SqlText sql("SELECT ");
  sql.add(kKeyColumns).add(", ").add(kAccountColumns);
  sql.add(" FROM api_keys k JOIN accounts a ON a.id = k.account_id");
  return sql;
}

}  // namespace

Result<void> insert_account(Transaction& transaction, const AccountRow& account) {
  auto inserted = transaction.execute(
      "INSERT INTO accounts (id, name, tier, limit_override, created_at, updated_at) VALUES (:1, :2, :3, :4, :5, :6)",
      {account.id, account.name, account.tier, optional_value(account.limit_override), time_value(account.created_at),
       time_value(account.updated_at)});
  if (!inserted && inserted.error().code == ErrorCode::conflict) {
    inserted.error().message = "an account named \"" + account.name + "\" already exists: choose another name";
  }
  return done(std::move(inserted));
}

Result<AccountRow> account_by_name(Transaction& transaction, std::string_view name) {
  SqlText sql("SELECT ");
  sql.add(kAccountColumns).add(" FROM accounts a WHERE a.name = ", text_value(name));
  return only_row(std::move(sql).query(transaction), account_from, kNoAccount);
}

Result<AccountRow> account_by_id(Transaction& transaction, std::string_view id) {
  SqlText sql("SELECT ");
  sql.add(kAccountColumns).add(" FROM accounts a WHERE a.id = ", text_value(id));
  return only_row(std::move(sql).query(transaction), account_from, kNoAccount);
}

Result<std::vector<AccountRow>> list_accounts(Transaction& transaction) {
  SqlText sql("SELECT ");
  sql.add(kAccountColumns).add(" FROM accounts a ORDER BY a.name");
  return each_row(std::move(sql).query(transaction), account_from);
}

Result<Page<AccountRow>> accounts_page(Transaction& transaction, const PageRequest& page) {
  const std::int64_t limit = page_limit(page);
  SqlText sql("SELECT ");
  sql.add(kAccountColumns).add(" FROM accounts a");
  if (!page.after_id.empty()) sql.add(" WHERE a.id < ", page.after_id);
  sql.add(" ORDER BY a.id DESC LIMIT ", limit + 1);
  auto accounts = each_row(std::move(sql).query(transaction), account_from);
  if (!accounts) return std::move(accounts).error();
  return page_of(*std::move(accounts), limit, [](const AccountRow& account) { return account.id; });
}

Result<void> set_account_tier(Transaction& transaction, std::string_view id, std::string_view tier,
                              std::optional<std::int64_t> limit_override, UnixMillis now) {
  return changed_one(
      transaction.execute("UPDATE accounts SET tier = :1, limit_override = :2, updated_at = :3 WHERE id = :4",
                          {text_value(tier), optional_value(limit_override), time_value(now), text_value(id)}),
      kNoAccount);
}

Result<void> insert_key(Transaction& transaction, const ApiKeyRow& key, UnixMillis now) {
  auto active =
      only_integer(transaction.query("SELECT COUNT(*) FROM api_keys WHERE account_id = :1 AND revoked_at IS NULL "
                                     "AND (expires_at IS NULL OR expires_at > :2) AND prefix <> :3",
                                     {key.account_id, time_value(now), text_value(kSubjectPrefix)}));
  if (!active) return std::move(active).error();
  if (*active >= kActiveKeysMax && key.prefix != kSubjectPrefix) {
    return Error(ErrorCode::conflict, "the account already has " + std::to_string(kActiveKeysMax) +
                                          " active keys, which is the most: revoke one first");
  }
  return done(transaction.execute(
      "INSERT INTO api_keys (id, account_id, name, prefix, hash, scopes, limit_override, expires_at, last_used_at, "
      "revoked_at, created_by_key, created_at) VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12)",
      {key.id, key.account_id, key.name, key.prefix, key.hash, list_value(key.scopes),
       optional_value(key.limit_override), time_value(key.expires_at), time_value(key.last_used_at),
       time_value(key.revoked_at), key.created_by_key, time_value(key.created_at)}));
}

Result<KeyWithAccount> key_by_hash(Transaction& transaction, std::string_view hash) {
  SqlText sql = select_keys_with_accounts();
  sql.add(" WHERE k.hash = ", text_value(hash));
  return only_row(std::move(sql).query(transaction), key_with_account_from, kNoKey);
}

Result<ApiKeyRow> key_by_id(Transaction& transaction, std::string_view id) {
  SqlText sql("SELECT ");
  sql.add(kKeyColumns).add(" FROM api_keys k WHERE k.id = ", text_value(id));
  return only_row(std::move(sql).query(transaction), key_from, kNoKey);
}

Result<std::vector<KeyWithAccount>> list_keys(Transaction& transaction, std::string_view account_id) {
  SqlText sql = select_keys_with_accounts();
  if (!account_id.empty()) sql.add(" WHERE k.account_id = ", text_value(account_id));
  sql.add(" ORDER BY k.id DESC");
  return each_row(std::move(sql).query(transaction), key_with_account_from);
}

Result<Page<KeyWithAccount>> keys_page(Transaction& transaction, std::string_view account_id, const PageRequest& page) {
  const std::int64_t limit = page_limit(page);
  SqlText sql = select_keys_with_accounts();
  sql.add(" WHERE 1 = 1");
  if (!account_id.empty()) sql.add(" AND k.account_id = ", text_value(account_id));
  if (!page.after_id.empty()) sql.add(" AND k.id < ", page.after_id);
  sql.add(" ORDER BY k.id DESC LIMIT ", limit + 1);
  auto keys = each_row(std::move(sql).query(transaction), key_with_account_from);
  if (!keys) return std::move(keys).error();
  return page_of(*std::move(keys), limit, [](const KeyWithAccount& each) { return each.key.id; });
}

Result<KeyWithAccount> key_with_account(Transaction& transaction, std::string_view id) {
  SqlText sql = select_keys_with_accounts();
  sql.add(" WHERE k.id = ", text_value(id));
  return only_row(std::move(sql).query(transaction), key_with_account_from, kNoKey);
}

Result<void> revoke_key(Transaction& transaction, std::string_view id, UnixMillis at) {
  // A key stays revoked as of the first time.
  return changed_one(transaction.execute("UPDATE api_keys SET revoked_at = COALESCE(revoked_at, :1) WHERE id = :2",
                                         {time_value(at), text_value(id)}),
                     kNoKey);
}

Result<void> set_key_expiry(Transaction& transaction, std::string_view id, UnixMillis expires_at) {
  return changed_one(transaction.execute("UPDATE api_keys SET expires_at = :1 WHERE id = :2",
                                         {time_value(expires_at), text_value(id)}),
                     kNoKey);
}

Result<void> touch_key(Transaction& transaction, std::string_view id, UnixMillis used_at) {
  return changed_one(
      transaction.execute("UPDATE api_keys SET last_used_at = :1 WHERE id = :2", {time_value(used_at), text_value(id)}),
      kNoKey);
}

}  // namespace weir::store

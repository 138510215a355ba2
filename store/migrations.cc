#include "store/migrations.h"

#include <cctype>
#include <string>
#include <vector>

#include "base/hmac.h"
#include "base/random.h"
#include "store/columns.h"

namespace weir::store {
namespace {

std::vector<std::string> statements_of(std::string_view sql) {
  std::vector<std::string> statements;
  std::string statement;
  while (!sql.empty()) {
    const std::size_t end = std::min(sql.find('\n'), sql.size());
    const std::string_view line = sql.substr(0, end);
    sql.remove_prefix(std::min(end + 1, sql.size()));
    if (line.empty() || line.starts_with("--")) continue;
    statement += line;
    if (line.ends_with(';')) {
      statement.pop_back();
      statements.push_back(std::move(statement));
      statement.clear();
    } else {
      statement += '\n';
    }
  }
  CHECK(statement.empty(), "a migration's last statement must end with ';' at the end of a line");
  return statements;
}

// Text is compared byte by byte, as SQLite does, whatever language the server's database was made for: pages continue
// after an id, and an index must not change its order when the server's C library is updated.
std::string with_byte_order(const std::string& statement) {
  if (!statement.starts_with("CREATE TABLE") && !statement.starts_with("ALTER TABLE")) return statement;
  constexpr std::string_view kType = " TEXT";
  std::string text;
  bool is_quoted = false;
  for (std::size_t i = 0; i < statement.size(); ++i) {
    if (statement[i] == '\'') is_quoted = !is_quoted;
    const std::size_t end = i + kType.size();
    const bool is_word = end >= statement.size() ||
                         (std::isalnum(static_cast<unsigned char>(statement[end])) == 0 && statement[end] != '_');
    if (!is_quoted && is_word && std::string_view(statement).substr(i).starts_with(kType)) {
      text += " TEXT COLLATE \"C\"";
      i = end - 1;
    } else {
      text += statement[i];
    }
  }
  return text;
}

std::string checksum_of(const Migration& migration) { return to_hex(sha256(migration.sql)); }

Result<void> apply(Transaction& transaction, const Migration& migration, UnixMillis now) {
  const bool is_postgres = transaction.dialect() == Dialect::postgres;
  for (const std::string& statement : statements_of(migration.sql)) {
    if (auto changed = transaction.execute(is_postgres ? with_byte_order(statement) : statement); !changed)
      return std::move(changed).error();
  }
  return done(
      transaction.execute("INSERT INTO schema_migrations (version, name, applied_at, checksum) VALUES (:1, :2, :3, :4)",
                          {migration.version, text_value(migration.name), time_value(now), checksum_of(migration)}));
}

}  // namespace

Result<void> migrate(Transaction& transaction, std::span<const Migration> migrations, UnixMillis now) {
  auto created = transaction.execute(
      "CREATE TABLE IF NOT EXISTS schema_migrations ("
      "version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL, checksum TEXT NOT NULL)");
  if (!created) return std::move(created).error();
  auto rows = transaction.query("SELECT version, name, checksum FROM schema_migrations ORDER BY version");
  if (!rows) return std::move(rows).error();

  if (rows->size() > migrations.size()) {
    return Error(ErrorCode::unavailable, "the database has schema version " + std::to_string(rows->back().integer(0)) +
                                             ", but this version of weir only knows " +
                                             std::to_string(migrations.size()) +
                                             ": start the newer version of weir that wrote it, or restore a backup");
  }
  for (std::size_t i = 0; i < migrations.size(); ++i) {
    CHECK(i == 0 || migrations[i - 1].version < migrations[i].version, "migrations have rising numbers");
    if (i >= rows->size()) {
      if (auto applied = apply(transaction, migrations[i], now); !applied) return applied;
      continue;
    }
    const Row& row = (*rows)[i];
    if (row.integer(0) != migrations[i].version || row.text(2) != checksum_of(migrations[i])) {
      return Error(ErrorCode::unavailable,
                   "the database's schema version " + row.text(0) + " (\"" + row.text(1) +
                       "\") is not the one that this version of weir knows: it was written by another build; start "
                       "that build, or restore a backup");
    }
  }
  return {};
}

Result<void> prepare_schema(Transaction& transaction) {
  if (auto migrated = migrate(transaction, embedded_migrations(), SystemClock().now()); !migrated) return migrated;
  return done(transaction.execute("INSERT INTO meta (name, value) VALUES ('event_epoch', :1) ON CONFLICT DO NOTHING",
                                  {SystemRandom().base62(8)}));
}

}  // namespace weir::store

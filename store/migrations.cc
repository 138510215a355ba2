#include "store/migrations.h"

#include <string>
#include <vector>

#include "base/hmac.h"
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

std::string checksum_of(const Migration& migration) { return to_hex(sha256(migration.sql)); }

Result<void> apply(Transaction& transaction, const Migration& migration, UnixMillis now) {
  for (const std::string& statement : statements_of(migration.sql)) {
    if (auto changed = transaction.execute(statement); !changed) return std::move(changed).error();
  }
  return done(transaction.execute(
      "INSERT INTO schema_migrations (version, name, applied_at, checksum) VALUES (:1, :2, :3, :4)",
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
    return Error(ErrorCode::unavailable,
                 "the database has schema version " + std::to_string(rows->back().integer(0)) +
                     ", but this version of weir only knows " + std::to_string(migrations.size()) +
                     ": start the newer version of weir that wrote it, or restore a backup");
  }
  for (std::size_t i = 0; i < migrations.size(); ++i) {
    CHECK(std::cmp_equal(migrations[i].version, i + 1), "migrations are numbered from 1 without holes");
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

}  // namespace weir::store

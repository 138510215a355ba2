// One connection to a SQLite file. One of the two places that meet SOCI's exceptions; knows nothing of schemas.
#pragma once
#include <soci/soci.h>

#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include "store/database.h"
#include "store/soci_statements.h"

namespace weir::store {

// Not thread-safe: owned by whoever took it from the database.
class SqliteSession {
 public:
  static constexpr Dialect kDialect = Dialect::sqlite;

  // The file is made if it is missing. Returns unavailable if it is no database or cannot be opened.
  static Result<std::unique_ptr<SqliteSession>> open(const DatabaseSettings& settings, Access access);
  SqliteSession(const SqliteSession&) = delete;
  SqliteSession& operator=(const SqliteSession&) = delete;
  ~SqliteSession() { statements_.clear(); }

  Result<void> begin(Access access) { return command(access == Access::write ? "BEGIN IMMEDIATE" : "BEGIN"); }
  Result<void> commit() { return command("COMMIT"); }
  // Fails only if SQLite has already rolled back.
  void rollback() { (void)command("ROLLBACK").has_value(); }
  // A part of a transaction that can be undone alone; one at a time.
  Result<void> save() { return command("SAVEPOINT part"); }
  Result<void> release() { return command("RELEASE part"); }
  Result<void> restore();
  Result<Answer> run(std::string_view sql, std::vector<Value> values, Wanted wanted);
  // Not thread-safe: a value.
  struct Checkpoint {
    int pages = 0;  // in the write-ahead log
    int moved = 0;  // of these
  };
  // Moves what the log holds into the file, as far as no reader needs it; nobody waits for it. Blocks for the disk.
  Result<Checkpoint> checkpoint();
  // From now on a commit of this session leaves the log as it is, and tells `grown` how many pages it has.
  void leave_log(std::function<void(int)> grown);
  // SQLite ends a transaction by itself when the disk fails in the middle of it.
  [[nodiscard]] bool is_in_transaction();

 private:
  SqliteSession() = default;
  Result<void> command(std::string_view sql);
  template <typename Body>
  auto guarded(Body&& body) -> std::invoke_result_t<Body>;

  std::function<void(int)> grown_;
  soci::session sql_;
  SociStatements statements_{sql_};
};

}  // namespace weir::store

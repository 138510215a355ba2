#include "store/sqlite_session.h"

#include <soci/sqlite3/soci-sqlite3.h>

namespace weir::store {
namespace {

// Extended codes hold the primary one in their low byte (sqlite.org/rescode.html).
Error error_of(int extended_code, std::string cause) {
  using namespace std::chrono_literals;
  switch (extended_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      return Error(ErrorCode::conflict, "this already exists: change what must be unique, or use the existing one")
          .because(std::move(cause));
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Error(ErrorCode::conflict, "this refers to something that does not exist or is still in use")
          .because(std::move(cause));
    default: break;
  }
  switch (extended_code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorCode::unavailable, "the database is busy with another process: try again")
          .because(std::move(cause))
          .retry_in(1s);
    case SQLITE_FULL:
      return Error(ErrorCode::unavailable, "the disk of the data folder is full: make room and try again")
          .because(std::move(cause));
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return Error(ErrorCode::unavailable,
                   "the database file cannot be read or written: check the data folder's disk and permissions")
          .because(std::move(cause));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorCode::unavailable, "the database file is damaged or not a database: restore a backup")
          .because(std::move(cause));
    default: return internal_error(std::move(cause));
  }
}

// SOCI does not export this class's type information, which UBSan's check of the cast would need.
[[gnu::no_sanitize("vptr")]] sqlite_api::sqlite3* connection_of(soci::session& sql) {
  return static_cast<soci::sqlite3_session_backend*>(sql.get_backend())->conn_;
}

}  // namespace

// Runs `body`; an exception of the library becomes an Error. Its text goes to the cause without the parameters.
template <typename Body>
auto SqliteSession::guarded(Body&& body) -> std::invoke_result_t<Body> {
  try {
    return body();
  } catch (const soci::sqlite3_soci_error& error) {
    const bool is_open = sql_.get_backend() != nullptr;
    return error_of(is_open ? sqlite_api::sqlite3_extended_errcode(connection_of(sql_)) : error.result(),
                    error.get_error_message());
  } catch (const soci::soci_error& error) {
    return internal_error(error.get_error_message());
  } catch (const std::bad_cast& error) {
    return internal_error(error.what());
  }
}

Result<std::unique_ptr<SqliteSession>> SqliteSession::open(const DatabaseSettings& settings, Access access) {
  auto session = std::unique_ptr<SqliteSession>(new SqliteSession());
  auto opened = session->guarded([&]() -> Result<void> {
    session->sql_.open(soci::sqlite3, "db=\"" + settings.path + "\"");
    return {};
  });
  if (!opened) return std::move(opened).error();
  const std::string synchronous = settings.synchronous == DatabaseSettings::Synchronous::full ? "FULL" : "NORMAL";
  for (const std::string& pragma :
       {"busy_timeout=" + std::to_string(settings.busy_timeout.count()), std::string("journal_mode=WAL"),
        "synchronous=" + synchronous, std::string("foreign_keys=ON"), std::string("temp_store=MEMORY"),
        "cache_size=" + std::to_string(access == Access::read ? -2'000 : -16'000),
        std::string(access == Access::read ? "query_only=ON" : "query_only=OFF")}) {
    if (auto set = session->run("PRAGMA " + pragma, {}, Wanted::rows); !set) return std::move(set).error();
  }
  return session;
}

Result<Answer> SqliteSession::run(std::string_view sql, std::vector<Value> values, Wanted wanted) {
  auto answer = guarded([&] { return statements_.run(sql, std::move(values), wanted); });
  if (!answer) statements_.forget(sql);
  return answer;
}

Result<void> SqliteSession::command(std::string_view sql) {
  auto answer = run(sql, {}, Wanted::changes);
  if (!answer) return std::move(answer).error();
  return {};
}

Result<void> SqliteSession::restore() {
  if (auto undone = command("ROLLBACK TO part"); !undone) return undone;
  return release();
}

Result<SqliteSession::Checkpoint> SqliteSession::checkpoint() {
  Checkpoint state;
  const int code = sqlite_api::sqlite3_wal_checkpoint_v2(connection_of(sql_), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                                         &state.pages, &state.moved);
  // Busy: another process is at it.
  if (code == SQLITE_OK || (code & 0xFF) == SQLITE_BUSY) return state;
  return error_of(code, sqlite_api::sqlite3_errmsg(connection_of(sql_)));
}

void SqliteSession::leave_log(std::function<void(int)> grown) {
  grown_ = std::move(grown);
  // SQLite's own checkpoint after a commit is such a hook, too, and goes with this.
  sqlite_api::sqlite3_wal_hook(
      connection_of(sql_),
      [](void* self, sqlite_api::sqlite3*, const char*, int pages) {
        static_cast<SqliteSession*>(self)->grown_(pages);
        return SQLITE_OK;
      },
      this);
}

bool SqliteSession::is_in_transaction() { return sqlite_api::sqlite3_get_autocommit(connection_of(sql_)) == 0; }

}  // namespace weir::store

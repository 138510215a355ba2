#include "store/postgres_session.h"

#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>

#include <algorithm>

#include "base/json.h"
#include "base/log.h"

namespace weir::store {
namespace {

using namespace std::chrono_literals;

// "Weir": the advisory lock that every write transaction of every node holds until it ends.
constexpr std::int64_t kWriteLock = 0x57656972;
// A node that froze in the middle of a transaction must not keep the others waiting; the server ends it after this time.
constexpr std::chrono::milliseconds kIdleInTransactionMax{10'000};

// PostgreSQL's TEXT holds no NUL and no invalid UTF-8 (postgresql.org/docs/15/datatype-character.html): both become
// U+FFFD, as in everything that is written as JSON.
void make_storable(std::string& text) {
  const auto is_plain = [](char c) { return c != '\0' && static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_plain)) return;
  // A JSON string's text is the shortest way to a serialiser that replaces what is invalid.
  auto replaced = parse_json(to_text(Json(text)));
  if (replaced && replaced->is_string()) text = replaced->get<std::string>();
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  for (std::size_t at = text.find('\0'); at != std::string::npos; at = text.find('\0', at)) {
    text.replace(at, 1, kReplacement);
  }
}

Error busy(std::string cause) {
  return Error(ErrorCode::unavailable, "the database is busy: try again").because(std::move(cause)).retry_in(1s);
}

// By SQLSTATE (postgresql.org/docs/15/errcodes-appendix.html).
Error error_of(std::string_view state, std::string cause) {
  if (state == "23505") {
    return Error(ErrorCode::conflict, "this already exists: change what must be unique, or use the existing one")
        .because(std::move(cause));
  }
  if (state == "23503") {
    return Error(ErrorCode::conflict, "this refers to something that does not exist or is still in use")
        .because(std::move(cause));
  }
  // Serialization failure, deadlock, lock not available, statement timeout.
  if (state == "40001" || state == "40P01" || state == "55P03" || state == "57014") return busy(std::move(cause));
  if (state == "53100") {
    return Error(ErrorCode::unavailable, "the disk of the database server is full: make room and try again")
        .because(std::move(cause));
  }
  // Connection, resources, shutdown, ended for idling in a transaction.
  if (state.starts_with("08") || state.starts_with("53") || state.starts_with("57P") || state == "25P03") {
    return Error(ErrorCode::unavailable, "the database server is away: try again")
        .because(std::move(cause))
        .retry_in(1s);
  }
  if (state == "25006") {
    return Error(ErrorCode::unavailable,
                 "the database server refuses to write: store.url must lead to the primary, not to a standby")
        .because(std::move(cause));
  }
  if (state == "42501") {
    return Error(ErrorCode::unavailable, "the role of store.url may not do this: let it own its database")
        .because(std::move(cause));
  }
  return internal_error(std::move(cause));
}

// SOCI does not export this class's type information, which UBSan's check of the cast would need.
[[gnu::no_sanitize("vptr")]] PGconn* connection_of(soci::session& sql) {
  auto* backend = sql.get_backend();
  return backend == nullptr ? nullptr : static_cast<soci::postgresql_session_backend*>(backend)->conn_;
}

}  // namespace

PostgresSession::PostgresSession(const DatabaseSettings& settings, std::shared_ptr<ServerAway> away)
    : connection_string_(settings.postgres->connection_string()),
      shown_(settings.postgres->shown()),
      busy_timeout_(settings.busy_timeout),
      statement_timeout_(settings.statement_timeout),
      away_(std::move(away)) {}

Result<std::unique_ptr<PostgresSession>> PostgresSession::open(const DatabaseSettings& settings,
                                                               std::shared_ptr<ServerAway> away) {
  auto session = std::unique_ptr<PostgresSession>(new PostgresSession(settings, std::move(away)));
  if (auto connected = session->connect(); !connected) return std::move(connected).error();
  return session;
}

// Runs `body`; an exception of the library becomes an Error. Its text goes to the cause without the parameters.
template <typename Body>
auto PostgresSession::guarded(Body&& body) -> std::invoke_result_t<Body> {
  try {
    return body();
  } catch (const soci::postgresql_soci_error& error) {
    // Without a word of the server it was the connection, whatever libpq thinks of it still.
    if (error.sqlstate().find_first_not_of(' ') == std::string::npos || error.sqlstate() == "00000") is_lost_ = true;
    if (!is_connected()) return lost(error.get_error_message());
    return error_of(error.sqlstate(), error.get_error_message());
  } catch (const soci::soci_error& error) {
    if (!is_connected()) return lost(error.get_error_message());
    return internal_error(error.get_error_message());
  } catch (const std::bad_cast& error) {
    return internal_error(error.what());
  }
}

Error PostgresSession::lost(std::string cause) const {
  return Error(ErrorCode::unavailable, "the database server is away: try again").because(std::move(cause)).retry_in(1s);
}

Result<void> PostgresSession::connect() {
  disconnect();
  if (away_->is_known()) return lost("the server was away a moment ago");
  auto opened = guarded([&]() -> Result<void> {
    sql_.open(soci::postgresql, connection_string_);
    return {};
  });
  if (opened) opened = set_up();
  if (!opened) {
    away_->note();
    disconnect();
  }
  return opened;
}

Result<void> PostgresSession::set_up() {
  const auto set = [](std::string_view name, std::chrono::milliseconds value) {
    return "SET " + std::string(name) + " = " + std::to_string(std::max(value, 1ms).count()) + ";";
  };
  auto done =
      command(set("statement_timeout", std::max(statement_timeout_, busy_timeout_)) +
              set("lock_timeout", busy_timeout_) + set("idle_in_transaction_session_timeout", kIdleInTransactionMax) +
              "SET client_min_messages = warning; SET standard_conforming_strings = on");
  if (!done) return std::move(done).error();
  return {};
}

void PostgresSession::disconnect() {
  statements_.clear();
  failed_.clear();
  if (sql_.get_backend() != nullptr) sql_.close();
  is_lost_ = false;
}

bool PostgresSession::is_connected() {
  const PGconn* connection = connection_of(sql_);
  return connection != nullptr && !is_lost_ && PQstatus(connection) == CONNECTION_OK;
}

bool PostgresSession::is_in_transaction() {
  if (!is_connected()) return false;
  const PGTransactionStatusType status = PQtransactionStatus(connection_of(sql_));
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

Result<std::string> PostgresSession::command(const std::string& sql) {
  PGconn* connection = connection_of(sql_);
  if (connection == nullptr) return lost("there is no connection");
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection, sql.c_str()), PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return std::string(PQcmdStatus(result.get()));
  const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  is_lost_ = is_lost_ || state == nullptr;
  if (!is_connected()) return lost(PQerrorMessage(connection));
  return error_of(state, PQerrorMessage(connection));
}

Result<void> PostgresSession::begin(Access access) {
  const std::string text = access == Access::write
                               ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(" +
                                     std::to_string(kWriteLock) + ")"
                               : std::string("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (is_connected()) {
    auto begun = command(text);
    if (begun) return {};
    if (is_connected()) {
      rollback();
      return std::move(begun).error();
    }
  }
  // Lost since the last transaction (the server was restarted): nothing is begun, so it can be tried once more.
  if (auto connected = connect(); !connected) return connected;
  log::info("store.reconnected", {{"server", shown_}});
  auto begun = command(text);
  if (begun) return {};
  rollback();
  return std::move(begun).error();
}

Result<void> PostgresSession::commit() {
  auto tag = command("COMMIT");
  if (!tag) return std::move(tag).error();
  // The server's word for a transaction that it could only roll back.
  if (*tag == "ROLLBACK") return internal_error("COMMIT of a transaction in which a statement had failed");
  return {};
}

void PostgresSession::rollback() {
  if (is_in_transaction() && !command("ROLLBACK")) disconnect();
  forget_failed();
}

void PostgresSession::forget_failed() {
  for (const std::string& sql : failed_) statements_.forget(sql);
  failed_.clear();
}

Result<void> PostgresSession::save() {
  auto done = command("SAVEPOINT part");
  if (!done) return std::move(done).error();
  return {};
}

Result<void> PostgresSession::release() {
  auto done = command("RELEASE SAVEPOINT part");
  if (!done) return std::move(done).error();
  return {};
}

Result<void> PostgresSession::restore() {
  auto done = command("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part");
  if (!done) return std::move(done).error();
  forget_failed();
  return {};
}

Result<Answer> PostgresSession::run(std::string_view sql, std::vector<Value> values, Wanted wanted) {
  for (Value& value : values) {
    if (auto* text = std::get_if<std::string>(&value)) make_storable(*text);
  }
  auto answer = guarded([&] { return statements_.run(sql, std::move(values), wanted); });
  if (!answer) failed_.emplace_back(sql);
  return answer;
}

Result<void> PostgresSession::allow(std::chrono::milliseconds longest) {
  const std::string text = std::to_string(longest.count());
  auto done = command("SET statement_timeout = " + text + "; SET lock_timeout = " + text);
  if (!done) return std::move(done).error();
  return {};
}

}  // namespace weir::store

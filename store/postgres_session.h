// One connection to PostgreSQL, made anew when it is lost. One of the two places that meet SOCI's exceptions; knows
// nothing of schemas.
#pragma once
#include <soci/soci.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "store/database.h"
#include "store/soci_statements.h"

namespace weir::store {

// When the server was last found away: until `kReconnectPause` later no session of this process asks again, so that calls
// are refused at once instead of waiting one after the other for a server that does not answer. Thread-safe.
class ServerAway {
 public:
  static constexpr std::chrono::milliseconds kReconnectPause{300};

  void note() { until_ = (std::chrono::steady_clock::now() + kReconnectPause).time_since_epoch().count(); }
  [[nodiscard]] bool is_known() const { return std::chrono::steady_clock::now().time_since_epoch().count() < until_; }

 private:
  std::atomic<std::chrono::steady_clock::rep> until_{
      std::chrono::steady_clock::time_point::min().time_since_epoch().count()};
};

// Not thread-safe: owned by whoever took it from the database.
class PostgresSession {
 public:
  static constexpr Dialect kDialect = Dialect::postgres;

  // Connects. `away` is shared by all sessions of a database and must outlive them. Returns unavailable with what the
  // server or the network said.
  static Result<std::unique_ptr<PostgresSession>> open(const DatabaseSettings& settings,
                                                       std::shared_ptr<ServerAway> away);
  PostgresSession(const PostgresSession&) = delete;
  PostgresSession& operator=(const PostgresSession&) = delete;
  ~PostgresSession() { disconnect(); }

  // A write takes the one lock of all writers, on every node. A connection that was lost since the last transaction is
  // made anew first. Blocks up to `busy_timeout` for the lock, and as long as connecting takes.
  Result<void> begin(Access access);
  Result<void> commit();
  void rollback();
  // A part of a transaction that can be undone alone; one at a time.
  Result<void> save();
  Result<void> release();
  Result<void> restore();
  Result<Answer> run(std::string_view sql, std::vector<Value> values, Wanted wanted);
  // False if the connection is lost: the server has rolled back.
  [[nodiscard]] bool is_in_transaction();
  // For the next transaction: waits this long for statements and locks (migrations take longer than calls).
  Result<void> allow(std::chrono::milliseconds longest);

 private:
  PostgresSession(const DatabaseSettings& settings, std::shared_ptr<ServerAway> away);
  Result<void> connect();
  void forget_failed();
  void disconnect();
  [[nodiscard]] bool is_connected();
  // Statements without parameters, several in one round trip; the tag of the last ("COMMIT").
  Result<std::string> command(const std::string& sql);
  Result<void> set_up();
  template <typename Body>
  auto guarded(Body&& body) -> std::invoke_result_t<Body>;
  [[nodiscard]] Error lost(std::string cause) const;

  const std::string connection_string_;
  const std::string shown_;
  const std::chrono::milliseconds busy_timeout_;
  const std::chrono::milliseconds statement_timeout_;
  const std::shared_ptr<ServerAway> away_;
  soci::session sql_;
  SociStatements statements_{sql_};
  bool is_lost_ = false;
  std::vector<std::string> failed_;  // to be forgotten after the transaction: before, the server refuses to
};

}  // namespace weir::store

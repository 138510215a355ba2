// A transaction on a session, whichever server or library it talks to.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "store/database.h"
#include "store/soci_statements.h"

namespace weir::store {

// What a body may do in the transaction that `session` is in; who made it begins and ends it. Not thread-safe: owned by the
// call that runs the body.
template <typename Session>
class SessionTransaction final : public Transaction {
 public:
  explicit SessionTransaction(Session& session) : session_(session) {}
  SessionTransaction(const SessionTransaction&) = delete;
  SessionTransaction& operator=(const SessionTransaction&) = delete;
  ~SessionTransaction() override = default;

  Result<std::vector<Row>> query(std::string_view sql, std::vector<Value> parameters) override {
    auto answer = run(sql, std::move(parameters), Wanted::rows);
    if (!answer) return std::move(answer).error();
    return std::move(answer->rows);
  }

  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters) override {
    auto answer = run(sql, std::move(parameters), Wanted::changes);
    if (!answer) return std::move(answer).error();
    return answer->changed;
  }

  void on_commit(std::function<void()> callback) override { callbacks_.push_back(std::move(callback)); }
  [[nodiscard]] Dialect dialect() const override { return Session::kDialect; }
  std::vector<std::function<void()>> take_callbacks() { return std::move(callbacks_); }

  // Whether what was done may be committed: the error of the first statement that failed.
  [[nodiscard]] Result<void> standing() const {
    if (failure_) return *failure_;
    if (!session_.is_in_transaction()) return ended();
    return {};
  }

  // SQLite ends a transaction by itself when the disk fails in the middle of it, PostgreSQL when it stops.
  static Error ended() {
    return Error(ErrorCode::unavailable, "the change was undone because the database failed: try again")
        .because("the transaction was rolled back by the database")
        .retry_in(std::chrono::seconds{1});
  }

 private:
  Result<Answer> run(std::string_view sql, std::vector<Value> parameters, Wanted wanted) {
    if (auto standing_now = standing(); !standing_now) return std::move(standing_now).error();
    auto answer = session_.run(sql, std::move(parameters), wanted);
    if (!answer) failure_ = answer.error();
    return answer;
  }

  Session& session_;
  std::optional<Error> failure_;  // of the first statement that failed: PostgreSQL would refuse all that follow
  std::vector<std::function<void()>> callbacks_;
};

// Runs `body` in a transaction of its own and commits it; its callbacks are dropped. Rolls back if anything fails.
template <typename Session>
Result<void> transact(Session& session, Access access, const std::function<Result<void>(Transaction&)>& body) {
  struct Rollback {  // whatever ends this early
    Session& session;
    ~Rollback() {
      if (session.is_in_transaction()) session.rollback();
    }
  };
  if (auto begun = session.begin(access); !begun) return begun;
  const Rollback rollback{session};
  SessionTransaction<Session> transaction(session);
  if (auto worked = body(transaction); !worked) return worked;
  if (auto standing = transaction.standing(); !standing) return standing;
  return session.commit();
}

}  // namespace weir::store

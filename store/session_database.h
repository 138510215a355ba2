// A database made of sessions, whichever server or library they talk to: one that writes and a pool of those that read.
// A Session has kDialect, begin(Access), commit(), rollback(), run() and is_in_transaction().
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "store/commit_order.h"
#include "store/database.h"
#include "store/soci_statements.h"

namespace weir::store {

// Rolls back on destruction unless committed. Not thread-safe: owned by the call of read() or write().
template <typename Session>
class SessionTransaction final : public Transaction {
 public:
  explicit SessionTransaction(Session& session) : session_(session) {}
  SessionTransaction(const SessionTransaction&) = delete;
  SessionTransaction& operator=(const SessionTransaction&) = delete;
  ~SessionTransaction() override {
    if (session_.is_in_transaction()) session_.rollback();
  }

  Result<void> begin(Access access) { return session_.begin(access); }

  Result<void> commit() {
    if (failure_) return *failure_;
    if (!session_.is_in_transaction()) return ended();
    return session_.commit();
  }

  Result<std::vector<Row>> query(std::string_view sql, std::vector<Value> parameters) override {
    auto answer = run(sql, std::move(parameters));
    if (!answer) return std::move(answer).error();
    return std::move(answer->rows);
  }

  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters) override {
    auto answer = run(sql, std::move(parameters));
    if (!answer) return std::move(answer).error();
    return answer->changed;
  }

  void on_commit(std::function<void()> callback) override { callbacks_.push_back(std::move(callback)); }
  [[nodiscard]] Dialect dialect() const override { return Session::kDialect; }
  std::vector<std::function<void()>> take_callbacks() { return std::move(callbacks_); }

 private:
  Result<Answer> run(std::string_view sql, std::vector<Value> parameters) {
    if (failure_) return *failure_;
    if (!session_.is_in_transaction()) return ended();
    auto answer = session_.run(sql, std::move(parameters));
    if (!answer) failure_ = answer.error();
    return answer;
  }

  // SQLite ends a transaction by itself when the disk fails in the middle of it, PostgreSQL when it stops.
  static Error ended() {
    return Error(ErrorCode::unavailable, "the change was undone because the database failed: try again")
        .because("the transaction was rolled back by the database")
        .retry_in(std::chrono::seconds{1});
  }

  Session& session_;
  std::optional<Error> failure_;  // of the first statement that failed: PostgreSQL would refuse all that follow
  std::vector<std::function<void()>> callbacks_;
};

// Sessions that take turns. Thread-safe.
template <typename Session>
class SessionPool {
 public:
  SessionPool(std::vector<std::unique_ptr<Session>> sessions, std::chrono::milliseconds patience)
      : patience_(patience), free_(std::move(sessions)) {}

  // A session for the length of one transaction; none if all stay taken for `patience`. Not thread-safe: owned by one
  // call.
  class Lease {
   public:
    explicit Lease(SessionPool& pool) : pool_(pool), session_(pool.take()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (session_ != nullptr) pool_.put(std::move(session_));
    }
    [[nodiscard]] Session* get() const { return session_.get(); }

   private:
    SessionPool& pool_;
    std::unique_ptr<Session> session_;
  };

 private:
  std::unique_ptr<Session> take() {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, patience_, [this] { return !free_.empty(); })) return nullptr;
    auto session = std::move(free_.back());
    free_.pop_back();
    return session;
  }
  void put(std::unique_ptr<Session> session) {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(std::move(session));
    }
    freed_.notify_one();
  }

  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Session>> free_;  // guarded by mutex_: those that nobody has taken
};

// Thread-safe.
template <typename Session>
class SessionDatabase final : public Database {
 public:
  // `patience`: how long a call waits for a session.
  SessionDatabase(std::chrono::milliseconds patience, std::unique_ptr<Session> writer,
                  std::vector<std::unique_ptr<Session>> readers)
      : patience_(patience), writer_(std::move(writer)), readers_(std::move(readers), patience) {}

  Result<void> write(const std::function<Result<void>(Transaction&)>& body) override {
    const Inside inside(this);
    std::unique_lock lock(writer_mutex_, std::defer_lock);
    if (Session::kDialect == Dialect::sqlite) {
      lock.lock();
    } else if (!lock.try_lock_for(patience_)) {  // whoever holds it may be waiting for a server that is away
      return busy();
    }
    std::vector<std::function<void()>> callbacks;
    {
      SessionTransaction<Session> transaction(*writer_);
      if (auto begun = transaction.begin(Access::write); !begun) return begun;
      if (auto worked = body(transaction); !worked) return worked;
      if (auto committed = transaction.commit(); !committed) return committed;
      callbacks = transaction.take_callbacks();
    }
    if (callbacks.empty()) return {};
    const std::uint64_t ticket = commit_order_.draw();
    lock.unlock();
    commit_order_.run(ticket, callbacks);
    return {};
  }

  Result<void> read(const std::function<Result<void>(Transaction&)>& body) override {
    const Inside inside(this);
    const typename SessionPool<Session>::Lease lease(readers_);
    if (lease.get() == nullptr) return busy();
    SessionTransaction<Session> transaction(*lease.get());
    if (auto begun = transaction.begin(Access::read); !begun) return begun;
    if (auto worked = body(transaction); !worked) return worked;
    return transaction.commit();
  }

 private:
  static Error busy() {
    return Error(ErrorCode::unavailable, "the database is busy: try again").retry_in(std::chrono::seconds{1});
  }

  const std::chrono::milliseconds patience_;
  CommitOrder commit_order_;
  std::timed_mutex writer_mutex_;
  const std::unique_ptr<Session> writer_;  // guarded by writer_mutex_
  SessionPool<Session> readers_;
};

}  // namespace weir::store

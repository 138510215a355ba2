// A database made of sessions, whichever server or library they talk to: one that writes and a pool of those that read.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "store/commit_order.h"
#include "store/group_commit.h"
#include "store/session_transaction.h"

namespace weir::store {

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
class SessionDatabase : public Database {
 public:
  // `patience`: how long a call waits for a session.
  SessionDatabase(std::chrono::milliseconds patience, std::unique_ptr<Session> writer,
                  std::vector<std::unique_ptr<Session>> readers)
      : writer_(std::move(writer), patience), readers_(std::move(readers), patience) {}

  Result<void> write(const std::function<Result<void>(Transaction&)>& body) override {
    const Inside inside(this);
    return writer_.write(body);
  }

  Result<void> read(const std::function<Result<void>(Transaction&)>& body) override {
    const Inside inside(this);
    const typename SessionPool<Session>::Lease lease(readers_);
    if (lease.get() == nullptr) {
      return Error(ErrorCode::unavailable, "the database is busy: try again").retry_in(std::chrono::seconds{1});
    }
    return transact(*lease.get(), Access::read, body);
  }

 protected:
  // Calls `what` between two commits.
  void pause_writers(const std::function<void()>& what) {
    const Inside inside(this);
    writer_.pause(what);
  }

 private:
  GroupCommit<Session> writer_;
  SessionPool<Session> readers_;
};

}  // namespace weir::store

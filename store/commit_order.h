// What every kind of database needs besides its sessions: callbacks of commits in the order of the commits, and a thread
// that would enter a database twice is told so.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "store/database.h"

namespace weir::store {

// Lets callbacks of commits run one commit after the other, in the order in which the tickets were drawn, while others
// commit already. Thread-safe.
class CommitOrder {
 public:
  std::uint64_t draw() { return next_++; }  // by one thread at a time: who may commit
  void run(std::uint64_t ticket, const std::function<void()>& callbacks);
  // What one of them throws is logged, and is nobody else's.
  static void call(const std::function<void()>& callback);

 private:
  std::uint64_t next_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t turn_ = 0;
};

// While it lives, this thread is in a transaction or in callbacks of `database`: entering it again would wait for itself.
// Not thread-safe: owned by one call.
class Inside {
 public:
  explicit Inside(const Database* database);
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside();

 private:
  const Database* before_;
};

}  // namespace weir::store

// Work that other threads hand to the workers: a bounded queue that wakes one worker of a shared epoll at a time.
#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include "server/http/file_descriptor.h"

namespace weir::http {

// More than a burst of every connection's continuations at the default cap; beyond it, post() *refuses*.
inline constexpr std::size_t kPostedWorkMax = 65'536;

// Thread-safe.
class WorkQueue {
 public:
  WorkQueue();

  // An eventfd, to be watched edge-triggered: each edge wakes one worker, which calls run_some().
  [[nodiscard]] int wake_descriptor() const { return wake_.get(); }
  // False if the queue is full or closed. Never blocks.
  bool post(std::function<void()> work);
  // Runs a bounded number of the oldest items, so that sockets get their turn; while more wait, another worker is
  // woken first. An exception that escapes an item is logged.
  void run_some();
  // Nothing is accepted from now on; what is queued still runs.
  void close();
  [[nodiscard]] bool is_empty() const { return size() == 0; }
  [[nodiscard]] std::size_t size() const;

 private:
  void wake_one() const;

  const FileDescriptor wake_;
  mutable std::mutex mutex_;  // guards what follows
  std::deque<std::function<void()>> items_;
  bool is_closed_ = false;
  bool is_waking_ = false;  // a worker was woken and has not come yet: a burst of items costs one system call
};

}  // namespace weir::http

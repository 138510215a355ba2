// What all connections of a server share: the epoll, the table, the settings, the counters, the work queue and
// the sweep of deadlines. Outlives the server while an exchange or a stream is still held by somebody.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/guarded.h"
#include "base/timer_queue.h"
#include "server/http/connection_table.h"
#include "server/http/server.h"
#include "server/http/work_queue.h"

namespace weir::http {

// Thread-safe. Shared by the server and its connections; the last of them lets go.
class Reactor : public std::enable_shared_from_this<Reactor> {
 public:
  struct Counters {
    std::atomic<std::size_t> streams{0};
    std::atomic<std::size_t> waiting_exchanges{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> refused_connections{0};
    std::atomic<std::uint64_t> slow_readers_closed{0};
  };

  Reactor(const ServerSettings& settings, TimerQueue& timers);

  [[nodiscard]] const ServerSettings& settings() const { return settings_; }
  [[nodiscard]] ConnectionTable& table() { return table_; }
  [[nodiscard]] WorkQueue& work() { return work_; }
  [[nodiscard]] Counters& counters() { return counters_; }
  [[nodiscard]] int epoll() const { return epoll_.get(); }

  // Constant from start() to the end of stop(), during which the workers use them.
  Handler handler;
  ErrorBody error_body = default_error_body;

  // `status` with the body that the program wants, made harmless if that fails.
  [[nodiscard]] Response error_response(int status, std::string_view message) const;

  // One more connection of `address`; false if it has its share already.
  bool admit_address(const std::string& address);
  void release_address(const std::string& address);
  // A connection holds `now` bytes of an unfinished request, `before` of which it had reported. False if all
  // together hold more than the settings allow.
  bool note_buffered(std::size_t before, std::size_t now) {
    return buffered_bytes_.fetch_add(now - before) + (now - before) <= settings_.buffered_bytes_max;
  }
  // Called by a connection when it has closed.
  void note_closed(ConnectionToken token, const std::string& address);
  // Blocks until no connection is open, or `deadline`.
  void wait_until_empty(std::chrono::steady_clock::time_point deadline);

  void begin_draining() { is_draining_.store(true); }
  [[nodiscard]] bool is_draining() const { return is_draining_.load(std::memory_order_relaxed); }

  // Accepting rests when the process is out of descriptors, and is tried again with the next sweep.
  void rest_accepting();
  std::function<void()> resume_accepting;  // set before start(); called on a worker

  // Deadlines are looked at every sweep_interval() while there is a connection.
  void keep_sweeping();
  void stop_sweeping();

 private:
  struct Sweep {
    TimerQueue::Id timer = 0;
    bool is_stopped = false;
  };

  [[nodiscard]] std::chrono::milliseconds sweep_interval() const;
  void sweep();
  void arm_sweep();

  const ServerSettings settings_;
  TimerQueue& timers_;
  const FileDescriptor epoll_;
  ConnectionTable table_;
  WorkQueue work_;
  Counters counters_;
  std::atomic<std::size_t> buffered_bytes_{0};
  std::atomic<bool> is_draining_{false};
  std::atomic<bool> is_accepting_rested_{false};
  std::atomic<bool> is_sweep_posted_{false};
  Guarded<Sweep> sweep_;
  Guarded<std::unordered_map<std::string, std::size_t>> addresses_;
  std::mutex empty_mutex_;
  std::condition_variable empty_;
};

}  // namespace weir::http

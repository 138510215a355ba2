// The process's alarm clock: one thread that waits for the earliest deadline and calls what was asked for.
// For deadlines, heartbeats and held calls. Not for work: a callback hands that to an Executor.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

namespace weir {

// Callbacks run one after the other on the timer's thread and must not block. Thread-safe.
class TimerQueue {
 public:
  using Id = std::uint64_t;
  using TimePoint = std::chrono::steady_clock::time_point;

  TimerQueue();
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  // Calls `callback` once, at or shortly after `deadline`. Never blocks. The id is never 0.
  Id at(TimePoint deadline, std::function<void()> callback);
  // True if the callback was still waiting: then it will not run. False if it ran or is running. Never blocks.
  bool cancel(Id id);
  // Ends the thread; what still waits is dropped. Blocks until a running callback has returned. Called by the
  // destructor.
  void stop();

  [[nodiscard]] std::size_t size() const;

 private:
  void run(const std::stop_token& stop);

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Id next_id_ = 1;
  std::map<std::pair<TimePoint, Id>, std::function<void()>> waiting_;
  std::unordered_map<Id, TimePoint> deadlines_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace weir

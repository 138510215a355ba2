#include "base/timer_queue.h"

#include <pthread.h>

namespace weir {

TimerQueue::TimerQueue() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

TimerQueue::~TimerQueue() { stop(); }

TimerQueue::Id TimerQueue::at(TimePoint deadline, std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  const Id id = next_id_++;
  const auto [place, inserted] = waiting_.emplace(std::pair(deadline, id), std::move(callback));
  deadlines_.emplace(id, deadline);
  if (place == waiting_.begin()) changed_.notify_one();
  return id;
}

bool TimerQueue::cancel(Id id) {
  std::function<void()> dropped;  // outlives the lock: destroying it may take others
  const std::lock_guard lock(mutex_);
  const auto found = deadlines_.find(id);
  if (found == deadlines_.end()) return false;
  const auto place = waiting_.find({found->second, id});
  dropped = std::move(place->second);
  waiting_.erase(place);
  deadlines_.erase(found);
  return true;
}

void TimerQueue::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::size_t TimerQueue::size() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void TimerQueue::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "weir-timer");
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (waiting_.empty()) {
      changed_.wait(lock, stop, [this] { return !waiting_.empty(); });
      continue;
    }
    const TimePoint earliest = waiting_.begin()->first.first;
    if (std::chrono::steady_clock::now() < earliest) {
      changed_.wait_until(lock, stop, earliest,
                          [&] { return waiting_.empty() || waiting_.begin()->first.first < earliest; });
      continue;
    }
    auto due = waiting_.extract(waiting_.begin());
    deadlines_.erase(due.key().second);
    lock.unlock();
    due.mapped()();
    due = {};
    lock.lock();
  }
}

}  // namespace weir

// Waits for a resource to end, or to need a person, without holding a thread: for `wait_seconds` and for calls that answer
// when a scan is done.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/executor.h"
#include "base/timer_queue.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"

namespace weir::streaming {

// A wait in progress; destroying it cancels the wait (the callback may already be on its way). Thread-safe.
class Wait {
 public:
  virtual ~Wait() = default;
};

// Thread-safe.
class ResourceWaiter {
 public:
  // All must outlive the waiter.
  ResourceWaiter(EventLog& log, EventHub& hub, TimerQueue& timers, Executor& executor)
      : log_(log), hub_(hub), timers_(timers), executor_(executor) {}

  // needs_person: the resource has not ended, and nothing happens until somebody acts.
  enum class Outcome : std::uint8_t { ended, needs_person, deadline };
  struct Callbacks {
    std::function<void(const Event&)> on_event;  // each event while waiting; may be empty; must not block
    std::function<void(Outcome)> on_done;        // once, on the executor
  };

  // Calls on_done when the newest event of the resource in the log ends it or asks people (at once if it already does) or
  // `timeout` has passed. Blocks for one database read.
  std::shared_ptr<Wait> wait(std::string resource_id, std::chrono::milliseconds timeout, Callbacks callbacks);

 private:
  EventLog& log_;
  EventHub& hub_;
  TimerQueue& timers_;
  Executor& executor_;
};

}  // namespace weir::streaming

// Gives back, each minute, what idle keys hold in the memory limiter: a key that was full once keeps a ring of its limit,
// and only a newcomer's arrival would sweep it.
#pragma once
#include <chrono>
#include <memory>

#include "base/executor.h"
#include "base/guarded.h"
#include "base/timer_queue.h"
#include "limits/memory_limiter.h"

namespace weir::server {

// Idle windows are empty a minute after the last call, so a shorter interval would find little more.
inline constexpr std::chrono::milliseconds kEvictEvery = std::chrono::minutes{1};

// Shared by its owner and the timer's callback. Thread-safe.
class IdleEviction : public std::enable_shared_from_this<IdleEviction> {
 public:
  // The timer and the executor must outlive the owner's hold; the limiter may go earlier.
  static std::shared_ptr<IdleEviction> start(std::weak_ptr<limits::MemoryLimiter> limiter, TimerQueue& timers,
                                             Executor& executor, std::chrono::milliseconds every = kEvictEvery);
  // No round begins after this; one that is under way ends by itself.
  void stop();

 private:
  IdleEviction(std::weak_ptr<limits::MemoryLimiter> limiter, TimerQueue& timers, Executor& executor,
               std::chrono::milliseconds every)
      : limiter_(std::move(limiter)), timers_(timers), executor_(executor), every_(every) {}
  void schedule();

  struct State {
    TimerQueue::Id timer = 0;
    bool is_over = false;
  };
  const std::weak_ptr<limits::MemoryLimiter> limiter_;
  TimerQueue& timers_;
  Executor& executor_;
  const std::chrono::milliseconds every_;
  Guarded<State> state_;
};

}  // namespace weir::server

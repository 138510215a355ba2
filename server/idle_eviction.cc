#include "server/idle_eviction.h"

#include <utility>

namespace weir::server {

std::shared_ptr<IdleEviction> IdleEviction::start(std::weak_ptr<limits::MemoryLimiter> limiter, TimerQueue& timers,
                                                  Executor& executor, std::chrono::milliseconds every) {
  std::shared_ptr<IdleEviction> eviction(new IdleEviction(std::move(limiter), timers, executor, every));
  eviction->schedule();
  return eviction;
}

void IdleEviction::stop() {
  const auto timer = state_.with([](State& state) {
    state.is_over = true;
    return std::exchange(state.timer, 0);
  });
  if (timer != 0) timers_.cancel(timer);
}

void IdleEviction::schedule() {
  const auto id = timers_.at(std::chrono::steady_clock::now() + every_, [weak = weak_from_this()] {
    const auto eviction = weak.lock();
    if (!eviction) return;
    // Some milliseconds with a hundred thousand keys: too long for the timer's thread.
    eviction->executor_.post([limiter = eviction->limiter_] {
      if (const auto held = limiter.lock()) held->evict_idle();
    });
    eviction->schedule();
  });
  const bool is_over = state_.with([&](State& state) {
    state.timer = id;
    return state.is_over;
  });
  if (is_over) timers_.cancel(id);
}

}  // namespace weir::server

// Held calls: a caller that asked to wait (`Prefer: wait=10`, `weir/maxWaitMs`) joins its key's queue and proceeds the
// moment its slot under the rate limit frees. Holds no thread. Not for waiting for a scan: that is ResourceWaiter.
#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/executor.h"
#include "base/timer_queue.h"
#include "limits/rate_limiter.h"
#include "limits/tiers.h"
#include "tools/call_context.h"
#include "tools/pending_call.h"

namespace weir::server {

// Not thread-safe: a value.
struct PacingSettings {
  std::chrono::seconds wait_max{30};  // whatever a caller asks for
  std::size_t held_per_key_max = 64;  // beyond: refused
  std::size_t held_max = 4'096;       // of all keys; beyond: refused
};

// Where a held call stands. Not thread-safe: a value.
struct Place {
  std::size_t ahead = 0;               // calls of the same key before it
  std::chrono::milliseconds about{0};  // until its slot frees, if nobody else takes it
};

// One queue a key, first in, first out, whatever a call costs. While calls of a key are held, no other call of that key
// is decided before them: one that does not wait is refused with a delay that counts them in. A call whose slot cannot
// come in time is refused at once; one that was promised a slot which another node took is refused as soon as that is
// known. A call that is early by the limiter's rounding (1 ms) is held for it, asked or not, so that a delay that was
// told in whole milliseconds is always enough. Decisions of one key are made one after the other. A held call is decided
// as its key is then: another limit, or no key any more. Thread-safe.
class Pacing {
 public:
  using Done = std::function<void(Result<limits::Decision>)>;
  using Moved = std::function<void(const Place&)>;
  // The caller as the database has it now, with the same budget, or why it is one no more. May block for a read.
  using Renew = std::function<Result<std::shared_ptr<const tools::Caller>>(const tools::Caller&)>;

  // All must outlive the object and what it posted to the executor.
  Pacing(const PacingSettings& settings, limits::RateLimiter& limiter, const Clock& clock, TimerQueue& timers,
         Executor& executor);
  ~Pacing();
  Pacing(const Pacing&) = delete;
  Pacing& operator=(const Pacing&) = delete;

  // What is to be decided. Not thread-safe: a value.
  struct Spending {
    std::shared_ptr<const tools::Caller> caller;
    limits::CallKind kind = limits::CallKind::any;
    std::uint32_t cost = 1;
  };

  // Decides now. Blocks as RateLimiter::acquire does.
  Result<limits::Decision> decide(const tools::Caller& caller, limits::CallKind kind, std::uint32_t cost);

  // Decides now if it can, and else holds the call for up to `wait`. `done` is called once: before this returns (then
  // null), or later on the executor: held, or because the limiter is asked elsewhere (with `moved` this waits for that
  // answer instead, as RateLimiter::acquire does, so that who tells of places knows at once whether there is one).
  // Destroying what is returned leaves the queue: then `done` may never be called.
  // `moved` may be empty and must not block; it is called when the call joins and whenever it may have moved.
  std::shared_ptr<tools::PendingCall> admit(Spending spending, std::chrono::milliseconds wait, Done done, Moved moved);

  // Asked about a held call before it is decided. Before the first call; what it uses must outlive the object.
  void renew_with(Renew renew);

  // Decides every call whose slot is free by the clock: what the timers do, and tests with a clock of their own.
  void proceed();
  // The same for the calls of which `concerns` is true: their key or tier was changed through this process.
  void proceed_if(const std::function<bool(const tools::Caller&)>& concerns);
  // Refuses what is held with `unavailable`, and holds no call from then on. Called by the destructor.
  void stop();

  [[nodiscard]] std::size_t held() const;
  [[nodiscard]] std::chrono::seconds wait_max() const;

 private:
  class Core;
  const std::shared_ptr<Core> core_;  // shared with timers and tasks that are on their way
};

}  // namespace weir::server

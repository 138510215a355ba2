// Lets the first of a burst of changes pass at once and the rest of it as one: a scan that ends with forty findings is two
// notifications to each of its watchers.
#pragma once
#include <chrono>
#include <functional>
#include <memory>

#include "base/guarded.h"
#include "base/timer_queue.h"

namespace weir::mcp_offers {

// Thread-safe. Shared by whoever tells of changes and by the timer, weakly.
class ChangeGate : public std::enable_shared_from_this<ChangeGate> {
 public:
  // Between two calls of `changed`, which must not block.
  static constexpr std::chrono::milliseconds kQuiet{250};

  // `timers` must outlive the gate.
  ChangeGate(TimerQueue& timers, std::function<void()> changed) : timers_(timers), changed_(std::move(changed)) {}

  // Never blocks.
  void tell();

 private:
  struct State {
    bool is_quiet = false;  // since the last call; the timer ends it
    bool has_waiting = false;
  };
  void be_quiet();

  TimerQueue& timers_;
  const std::function<void()> changed_;
  Guarded<State> state_;
};

}  // namespace weir::mcp_offers

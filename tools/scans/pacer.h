// Spaces a scan's connections out in time, and waits when the target asks for it.
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/clock.h"

namespace weir::tools::scans {

// Not thread-safe: owned by one scan.
class Pacer {
 public:
  // `clock` must outlive the pacer.
  Pacer(const Clock& clock, double per_second, std::stop_token stop);

  // Blocks until the next connection may be made, at most one interval after the last; false if stopped.
  [[nodiscard]] bool wait_turn();
  // Blocks for `delay`; false if stopped.
  [[nodiscard]] bool wait(std::chrono::milliseconds delay);

 private:
  const Clock& clock_;
  const std::chrono::milliseconds interval_;
  const std::stop_token stop_;
  std::chrono::steady_clock::time_point next_;
  std::mutex mutex_;                   // only for the condition; nothing is shared
  std::condition_variable_any never_;  // woken by the stop alone
};

}  // namespace weir::tools::scans

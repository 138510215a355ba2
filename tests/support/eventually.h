// Waits for a condition that another thread or process will make true. The only wait that tests may use.
#pragma once
#include <chrono>
#include <functional>
#include <thread>

namespace weir::testing {

// True as soon as `condition` holds; false if it does not within `deadline`. Polls every two milliseconds.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds deadline = std::chrono::seconds{10}) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return condition();
    std::this_thread::yield();
    std::this_thread::sleep_until(std::chrono::steady_clock::now() + std::chrono::milliseconds{2});
  }
  return true;
}

}  // namespace weir::testing

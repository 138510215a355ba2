// A clock that stands still until a test moves it. Thread-safe.
#pragma once
#include "base/clock.h"

namespace weir::testing {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(UnixMillis start = from_unix_ms(1'795'000'000'000)) : unix_ms_(to_unix_ms(start)) {}

  [[nodiscard]] UnixMillis now() const override { return from_unix_ms(unix_ms_.load()); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::time_point{std::chrono::milliseconds{steady_ms_.load()}};
  }

  // Both clocks move together, as they do on a machine whose clock is not set.
  void advance(std::chrono::milliseconds by) {
    unix_ms_ += by.count();
    steady_ms_ += by.count();
  }

 private:
  std::atomic<std::int64_t> unix_ms_;
  std::atomic<std::int64_t> steady_ms_{1'000'000};
};

}  // namespace weir::testing

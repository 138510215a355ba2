#include "tools/scans/pacer.h"

#include <algorithm>

namespace weir::tools::scans {
namespace {

constexpr double kPerSecondMin = 0.1;  // slower than one in ten seconds would outlive every scan's deadline
constexpr double kPerSecondMax = 1'000;

}  // namespace

Pacer::Pacer(const Clock& clock, double per_second, std::stop_token stop)
    : clock_(clock),
      interval_(static_cast<std::int64_t>(1'000.0 / std::clamp(per_second, kPerSecondMin, kPerSecondMax))),
      stop_(std::move(stop)),
      next_(clock.steady_now()) {}

bool Pacer::wait_turn() {
  const auto now = clock_.steady_now();
  const auto ahead = std::chrono::duration_cast<std::chrono::milliseconds>(next_ - now);
  next_ = std::max(next_, now) + interval_;
  // Never more than one interval, even if the clock stands still.
  return wait(std::clamp(ahead, std::chrono::milliseconds{0}, interval_));
}

bool Pacer::wait(std::chrono::milliseconds delay) {
  if (stop_.stop_requested()) return false;
  if (delay.count() <= 0) return true;
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, stop_, delay, [] { return false; });
  return !stop_.stop_requested();
}

}  // namespace weir::tools::scans

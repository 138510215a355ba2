#include "tools/runs/call_retry.h"

#include <algorithm>

namespace weir::tools::runs {
namespace {

using std::chrono::milliseconds;

// A refusal that says no time: a slot of a minute's window frees about this often.
constexpr milliseconds kUnknownDelay{1'000};
constexpr std::int64_t kDoublingsMax = 16;

milliseconds up_to(milliseconds longest, Random& random) {
  return milliseconds{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(longest.count()) + 1))};
}

}  // namespace

bool is_passing(ErrorCode code) {
  switch (code) {
    case ErrorCode::rate_limit_exceeded:
    case ErrorCode::unavailable:
    case ErrorCode::timed_out:
    case ErrorCode::target_busy:
    case ErrorCode::concurrency_limit: return true;
    default: return false;
  }
}

milliseconds retry_delay(const Error& error, std::int64_t failed, Random& random) {
  const std::int64_t doublings = std::clamp<std::int64_t>(failed - 1, 0, kDoublingsMax);
  const milliseconds longest = std::min(kRetryMost, kRetryBase * (std::int64_t{1} << doublings));
  return error.retry_after.value_or(milliseconds{0}) + up_to(longest, random);
}

milliseconds refused_delay(const Error& error, Random& random) {
  return error.retry_after.value_or(kUnknownDelay) + up_to(kRefusedSpread, random);
}

}  // namespace weir::tools::runs

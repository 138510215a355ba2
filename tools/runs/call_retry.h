// Which failures of a tool call pass by themselves, and when to try again: full jitter, and never before the tool said. Pure
// but for the randomness that is passed in.
#pragma once
#include <chrono>
#include <cstdint>

#include "base/error.h"
#include "base/random.h"

namespace weir::tools::runs {

// rate_limit_exceeded, unavailable, timed_out, target_busy, concurrency_limit.
bool is_passing(ErrorCode code);

// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter").
inline constexpr std::chrono::milliseconds kRetryBase{500};
inline constexpr std::chrono::milliseconds kRetryMost{30'000};

// Before try number `failed + 1`, `failed` of them having failed: between 0 and min(kRetryMost, kRetryBase * 2^(failed-1)),
// and not before `error.retry_after`.
std::chrono::milliseconds retry_delay(const Error& error, std::int64_t failed, Random& random);

// After a refusal by the rate limit, which says when a slot is free: that time, and a little at random, so that many runs
// that were refused together do not come back together.
inline constexpr std::chrono::milliseconds kRefusedSpread{250};
std::chrono::milliseconds refused_delay(const Error& error, Random& random);

}  // namespace weir::tools::runs

// When a delivery is tried again, and when a receiver is left alone: pure decisions about times.
#pragma once
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "store/webhooks_store.h"

namespace weir::streaming {

struct WebhookRetrySettings {
  // Between one attempt and the next; after the last one the delivery has failed. Each is stretched or shortened by up to
  // kJitterPercent, so that what failed together does not come back together.
  std::vector<std::chrono::milliseconds> delays = {
      std::chrono::seconds{5}, std::chrono::minutes{1}, std::chrono::minutes{10}, std::chrono::hours{1},
      std::chrono::hours{6},   std::chrono::hours{24},  std::chrono::hours{24}};
  static constexpr int kJitterPercent = 20;
  // This many failures in a row, of whatever deliveries, and the receiver gets one attempt at a time, when it is due.
  std::int64_t failures_to_pause = 10;
  // An endpoint that has only failed for this long is disabled.
  std::chrono::milliseconds disable_after = std::chrono::hours{5 * 24};
};

// What a receiver may ask for with Retry-After: not so short that it means nothing, not so long that we forget.
inline constexpr std::chrono::milliseconds kRetryAfterMin{1'000};
inline constexpr std::chrono::milliseconds kRetryAfterMax = std::chrono::hours{24};

// The delay after the `failed`-th attempt of a round (from 1) has failed; nothing if that was the last one.
std::optional<std::chrono::milliseconds> retry_delay(const WebhookRetrySettings& settings, std::int64_t failed,
                                                     Random& random);

// Seconds or a date (RFC 9110 §10.2.3), within the bounds above; nothing if it is neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, UnixMillis now);

void count_success(store::WebhookHealth& health, UnixMillis now);
// `pause` is asked for by the receiver (Retry-After); `next_try` is when the failed delivery is due again.
void count_failure(store::WebhookHealth& health, const WebhookRetrySettings& settings, UnixMillis now,
                   std::optional<UnixMillis> pause, UnixMillis next_try);
// True once it has done nothing but fail for too long.
bool is_given_up(const store::WebhookHealth& health, const WebhookRetrySettings& settings, UnixMillis now);
// How many deliveries may be under way at once.
unsigned deliveries_at_once(const store::WebhookHealth& health, const WebhookRetrySettings& settings, unsigned most);

}  // namespace weir::streaming

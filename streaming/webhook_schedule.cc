#include "streaming/webhook_schedule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string>

namespace weir::streaming {
namespace {

using std::chrono::milliseconds;

milliseconds with_jitter(milliseconds delay, Random& random) {
  constexpr std::uint64_t kSpread = 2 * WebhookRetrySettings::kJitterPercent + 1;
  const auto percent = 100 - WebhookRetrySettings::kJitterPercent + static_cast<std::int64_t>(random.below(kSpread));
  return milliseconds{delay.count() * percent / 100};
}

// RFC 9110 §5.6.7: the preferred form, "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<UnixMillis> parse_http_date(const std::string& text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 4> month{};
  unsigned day = 0;
  int year = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (std::sscanf(text.c_str(), "%*3s, %2u %3s %4d %2d:%2d:%2d GMT", &day, month.data(), &year, &hour, &minute,
                  &second) != 6) {
    return std::nullopt;
  }
  const auto* const found = std::find(kMonths.begin(), kMonths.end(), std::string_view(month.data()));
  if (found == kMonths.end()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(found - kMonths.begin()) + 1},
                                         std::chrono::day{day}};
  if (!date.ok()) return std::nullopt;
  return UnixMillis{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second};
}

}  // namespace

std::optional<milliseconds> retry_delay(const WebhookRetrySettings& settings, std::int64_t failed, Random& random) {
  if (failed < 1 || std::cmp_greater(failed, settings.delays.size())) return std::nullopt;
  return with_jitter(settings.delays[static_cast<std::size_t>(failed - 1)], random);
}

std::optional<milliseconds> parse_retry_after(std::string_view text, UnixMillis now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::result_out_of_range) return kRetryAfterMax;
  if (error == std::errc() && end == text.data() + text.size()) {
    const auto most = std::chrono::duration_cast<std::chrono::seconds>(kRetryAfterMax).count();
    return std::clamp<milliseconds>(std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, most)}, kRetryAfterMin,
                                    kRetryAfterMax);
  }
  const auto date = parse_http_date(std::string(text));
  if (!date) return std::nullopt;
  return std::clamp<milliseconds>(*date - now, kRetryAfterMin, kRetryAfterMax);
}

void count_success(store::WebhookHealth& health, UnixMillis now) {
  health.failures_in_row = 0;
  health.failing_since.reset();
  health.last_success_at = now;
  health.paused_until = UnixMillis{};
}

void count_failure(store::WebhookHealth& health, const WebhookRetrySettings& settings, UnixMillis now,
                   std::optional<UnixMillis> pause, UnixMillis next_try) {
  ++health.failures_in_row;
  if (!health.failing_since) health.failing_since = now;
  if (health.failures_in_row >= settings.failures_to_pause)
    health.paused_until = std::max(health.paused_until, next_try);
  if (pause) health.paused_until = std::max(health.paused_until, *pause);
}

bool is_given_up(const store::WebhookHealth& health, const WebhookRetrySettings& settings, UnixMillis now) {
  return health.failing_since && now - *health.failing_since >= settings.disable_after;
}

unsigned deliveries_at_once(const store::WebhookHealth& health, const WebhookRetrySettings& settings, unsigned most) {
  return health.failures_in_row >= settings.failures_to_pause ? 1 : most;
}

}  // namespace weir::streaming

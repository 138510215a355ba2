#include "limits/window.h"

#include <deque>
#include <random>

namespace weir::limits {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kMinute{60'000};

Window::TimePoint at(nanoseconds since_start) { return Window::TimePoint{std::chrono::hours{10} + since_start}; }

TEST(WindowTest, HoldsNoMemoryBeforeTheFirstUnit) {
  Window window;

  window.admit(0, at({}), 100, kMinute);

  EXPECT_EQ(window.heap_bytes(), 0U);
  EXPECT_LE(sizeof(Window), 32U);
}

TEST(WindowTest, GrowsToWhatIsUsedAndNeverBeyondTheLimit) {
  Window window;

  window.admit(3, at({}), 100, kMinute);
  EXPECT_EQ(window.heap_bytes(), 8 * 4U);
  window.admit(60, at({}), 100, kMinute);
  window.admit(37, at({}), 100, kMinute);
  EXPECT_EQ(window.heap_bytes(), 100 * 4U);
  for (int minute = 1; minute < 50; ++minute) {
    EXPECT_TRUE(window.admit(100, at(kMinute * minute), 100, kMinute).is_admitted);
  }
  EXPECT_EQ(window.heap_bytes(), 100 * 4U);
}

TEST(WindowTest, RoundingNeverAdmitsAUnitBeforeItsWholeWindowIsOver) {
  Window window;
  window.admit(1, at(nanoseconds{900'000}), 1, kMinute);  // 0.9 ms

  // 60 000.8 ms is 59 999.9 ms later: one tenth of a millisecond too early.
  const WindowDecision early = window.admit(1, at(kMinute + nanoseconds{800'000}), 1, kMinute);

  EXPECT_FALSE(early.is_admitted);
  EXPECT_TRUE(window.admit(1, at(kMinute + nanoseconds{800'000} + early.retry_in), 1, kMinute).is_admitted);
}

TEST(WindowTest, NanosecondSchedulesNeverExceedTheLimitInAnyTrailingWindow) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Window window;
  std::deque<nanoseconds> admitted;
  nanoseconds now{0};
  for (int step = 0; step < 20'000; ++step) {
    const WindowDecision decision = window.admit(1, at(now), 20, milliseconds{50});
    if (decision.is_admitted) {
      admitted.push_back(now);
      if (admitted.size() > 20) {
        ASSERT_GE(now - admitted[admitted.size() - 21], nanoseconds{50'000'000}) << "step " << step;
      }
    } else if (random() % 3 == 0) {
      now += decision.retry_in;
      ASSERT_TRUE(window.admit(1, at(now), 20, milliseconds{50}).is_admitted) << "step " << step;
      admitted.push_back(now);
    }
    now += nanoseconds{random() % 3'000'000};
  }
}

TEST(WindowTest, RunsOnAfterTheOffsetsHaveOverflowed) {
  Window window;
  window.admit(1, at({}), 2, kMinute);
  // A unit every 40 s keeps the window from ever being empty for sixty days.
  nanoseconds now{0};
  std::uint64_t refused = 0;
  const auto end = std::chrono::hours{24 * 60};
  while (now < end) {
    now += std::chrono::seconds{40};
    refused += window.admit(1, at(now), 2, kMinute).is_admitted ? 0 : 1;
  }

  EXPECT_EQ(refused, 0U);
  EXPECT_TRUE(window.admit(1, at(now + std::chrono::seconds{20}), 2, kMinute).is_admitted);
  const WindowDecision full = window.admit(1, at(now + std::chrono::seconds{20}), 2, kMinute);
  EXPECT_FALSE(full.is_admitted);
  EXPECT_EQ(full.retry_in, milliseconds{40'000});
}

TEST(WindowTest, AnIdleWindowStartsAfreshAfterMonths) {
  Window window;
  window.admit(2, at({}), 2, kMinute);

  const WindowDecision decision = window.admit(2, at(std::chrono::hours{24 * 200}), 2, kMinute);

  EXPECT_TRUE(decision.is_admitted);
  EXPECT_EQ(decision.reset_in, kMinute);
}

TEST(WindowTest, KeepsADayLongWindowThroughARebase) {
  constexpr milliseconds kDay = std::chrono::hours{24};
  Window window;
  for (int hour = 0; hour < 24 * 60; ++hour) {
    ASSERT_TRUE(window.admit(1, at(std::chrono::hours{hour}), 24, kDay).is_admitted) << hour;
    ASSERT_EQ(window.size(), std::min<std::uint32_t>(static_cast<std::uint32_t>(hour) + 1, 24));
  }
  EXPECT_FALSE(window.admit(1, at(std::chrono::hours{24 * 60} - milliseconds{1}), 24, kDay).is_admitted);
}

TEST(WindowTest, AClockThatGoesBackwardsAdmitsNothingEarly) {
  Window window;
  window.admit(2, at(std::chrono::seconds{100}), 3, kMinute);

  EXPECT_TRUE(window.admit(1, at(std::chrono::seconds{50}), 3, kMinute).is_admitted);
  const WindowDecision refused = window.admit(1, at(std::chrono::seconds{50}), 3, kMinute);

  EXPECT_FALSE(refused.is_admitted);
  EXPECT_EQ(refused.retry_in, milliseconds{110'000});
  EXPECT_TRUE(window.admit(3, at(std::chrono::seconds{160}), 3, kMinute).is_admitted);
}

TEST(WindowTest, ARefundOfExpiredOrUnknownUnitsTakesNothing) {
  Window window;
  const std::int64_t stamp = window.admit(2, at({}), 5, kMinute).stamp_ms;
  window.admit(1, at(kMinute), 5, kMinute);

  EXPECT_EQ(window.refund(stamp, 2), 0U);
  EXPECT_EQ(window.refund(stamp + 7, 2), 0U);
  EXPECT_EQ(window.size(), 1U);
}

TEST(WindowTest, ARefundFromTheMiddleKeepsTheOrderOfTheRing) {
  Window window;
  std::vector<std::int64_t> stamps;
  for (int second = 0; second < 8; ++second) {
    stamps.push_back(window.admit(1, at(std::chrono::seconds{second}), 8, kMinute).stamp_ms);
  }
  window.admit(0, at(std::chrono::seconds{62}), 8, kMinute);  // 0, 1 and 2 have left
  for (int unit = 0; unit < 3; ++unit) window.admit(1, at(std::chrono::seconds{62}), 8, kMinute);  // wraps

  EXPECT_EQ(window.refund(stamps[5], 4), 1U);

  EXPECT_EQ(window.size(), 7U);
  EXPECT_EQ(window.retry_in(2, at(std::chrono::seconds{62}), 8, kMinute), milliseconds{1'000});  // 3 s
  EXPECT_EQ(window.retry_in(4, at(std::chrono::seconds{62}), 8, kMinute), milliseconds{4'000});  // 6 s, not 5 s
}

TEST(WindowTest, ALimitOfZeroRefusesWithTheWindow) {
  Window window;

  const WindowDecision decision = window.admit(1, at({}), 0, kMinute);

  EXPECT_FALSE(decision.is_admitted);
  EXPECT_EQ(decision.retry_in, kMinute);
  EXPECT_TRUE(window.admit(0, at({}), 0, kMinute).is_admitted);
}

}  // namespace
}  // namespace weir::limits

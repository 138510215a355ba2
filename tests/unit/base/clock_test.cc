#include "base/clock.h"

#include "tests/support/fake_clock.h"

namespace weir {
namespace {

TEST(ClockTest, WritesRfc3339WithMilliseconds) {
  EXPECT_EQ(to_rfc3339(from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(from_unix_ms(1'795'320'240'125)), "2026-11-22T04:04:00.125Z");
  EXPECT_EQ(to_rfc3339(from_unix_ms(951'827'696'000)), "2000-02-29T12:34:56.000Z");
}

TEST(ClockTest, ReadsWhatItWrites) {
  for (const std::int64_t ms : {0LL, 1LL, 999LL, 1'795'320'240'125LL, 4'102'444'799'999LL}) {
    const auto parsed = parse_rfc3339(to_rfc3339(from_unix_ms(ms)));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(to_unix_ms(*parsed), ms);
  }
}

TEST(ClockTest, ReadsOffsetsAndFractions) {
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2026-11-22T05:04:00+01:00")), "2026-11-22T04:04:00.000Z");
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2026-11-21T22:34:00.5-05:30")), "2026-11-22T04:04:00.500Z");
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2026-11-22t04:04:00.123456z")), "2026-11-22T04:04:00.123Z");
}

TEST(ClockTest, RefusesWhatIsNoTimeAndSaysWhichValue) {
  for (const std::string_view text :
       {"", "yesterday", "2026-11-22", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z",
        "2026-11-22T00:00:00", "2026-11-22T00:00:00Zx", "2026-11-22T00:00:00.Z", "2026-11-22T00:00:00+1:00",
        "2026-11-22T00:60:00Z", "20261122T000000Z"}) {
    const auto parsed = parse_rfc3339(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::bad_request);
    EXPECT_THAT(parsed.error().message, ::testing::HasSubstr(std::string(text)));
  }
}

TEST(ClockTest, TheFakeStandsStillUntilItIsMoved) {
  testing::FakeClock clock;
  const auto wall = clock.now();
  const auto steady = clock.steady_now();

  clock.advance(std::chrono::seconds{3});

  EXPECT_EQ(clock.now() - wall, std::chrono::seconds{3});
  EXPECT_EQ(clock.steady_now() - steady, std::chrono::seconds{3});
}

TEST(ClockTest, TheRealOneMovesForward) {
  const SystemClock clock;
  const auto first = clock.steady_now();

  EXPECT_GE(clock.steady_now(), first);
  EXPECT_GT(clock.now(), from_unix_ms(1'700'000'000'000));
}

}  // namespace
}  // namespace weir

#include "tools/runs/call_retry.h"

#include <gtest/gtest.h>

#include "tests/support/fake_random.h"

namespace weir::tools::runs {
namespace {

using std::chrono::milliseconds;

TEST(CallRetryTest, OnlyFailuresThatPassAreTriedAgain) {
  for (const ErrorCode code : {ErrorCode::rate_limit_exceeded, ErrorCode::unavailable, ErrorCode::timed_out,
                               ErrorCode::target_busy, ErrorCode::concurrency_limit}) {
    EXPECT_TRUE(is_passing(code)) << to_string(code);
  }
  for (const ErrorCode code : {ErrorCode::validation_failed, ErrorCode::not_found, ErrorCode::forbidden,
                               ErrorCode::internal, ErrorCode::unauthorized, ErrorCode::conflict}) {
    EXPECT_FALSE(is_passing(code)) << to_string(code);
  }
}

TEST(CallRetryTest, DelaysAreSpreadOverATimeThatDoublesUpToABound) {
  testing::FakeRandom random;
  milliseconds longest{0};
  for (int i = 0; i < 200; ++i) {
    EXPECT_LE(retry_delay(Error(ErrorCode::unavailable, ""), 1, random), kRetryBase);
    EXPECT_LE(retry_delay(Error(ErrorCode::unavailable, ""), 3, random), kRetryBase * 4);
    longest = std::max(longest, retry_delay(Error(ErrorCode::unavailable, ""), 60, random));
  }
  EXPECT_LE(longest, kRetryMost);
  EXPECT_GT(longest, kRetryMost / 2);
}

TEST(CallRetryTest, NothingIsTriedBeforeTheTimeThatWasSaid) {
  testing::FakeRandom random;
  const Error error = Error(ErrorCode::target_busy, "").retry_in(milliseconds{7'000});

  for (int i = 0; i < 100; ++i) EXPECT_GE(retry_delay(error, 1, random), milliseconds{7'000});
}

TEST(CallRetryTest, ARefusedCallComesBackWhenItsSlotIsFreeAndALittleLater) {
  testing::FakeRandom random;
  const Error error = Error(ErrorCode::rate_limit_exceeded, "").retry_in(milliseconds{1'500});

  const milliseconds delay = refused_delay(error, random);

  EXPECT_GE(delay, milliseconds{1'500});
  EXPECT_LE(delay, milliseconds{1'500} + kRefusedSpread);
}

}  // namespace
}  // namespace weir::tools::runs

#include "limits/memory_limiter.h"

#include "tests/contract/rate_limiter_contract.h"
#include "tests/support/fake_clock.h"

namespace weir::limits {
namespace {

using std::chrono::milliseconds;
using testing::minute_quota;

struct MemoryBackend {
  weir::testing::FakeClock clock;
  MemoryLimiter memory{clock};

  RateLimiter& limiter() { return memory; }
  void advance(milliseconds by) { clock.advance(by); }
  [[nodiscard]] UnixMillis now() const { return clock.now(); }
};

}  // namespace

namespace testing {
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, RateLimiterContract, MemoryBackend);
}  // namespace testing

namespace {

class MemoryLimiterTest : public ::testing::Test {
 protected:
  weir::testing::FakeClock clock_;
  MemoryLimiter limiter_{clock_};
};

TEST_F(MemoryLimiterTest, GivesTheSameBudgetForTheSameKeyWhileItIsHeld) {
  const auto held = limiter_.budget("key_a");

  clock_.advance(std::chrono::hours{1});
  limiter_.evict_idle();

  EXPECT_EQ(limiter_.budget("key_a"), held);
}

TEST_F(MemoryLimiterTest, EvictsABudgetThatNobodyHoldsOnceItsUnitsHaveLeft) {
  ASSERT_TRUE(limiter_.acquire(*limiter_.budget("key_a"), minute_quota(5), 1));

  clock_.advance(milliseconds{59'999});
  limiter_.evict_idle();
  EXPECT_EQ(limiter_.size(), 1U);
  clock_.advance(milliseconds{1});
  limiter_.evict_idle();
  EXPECT_EQ(limiter_.size(), 0U);
}

TEST_F(MemoryLimiterTest, KeepsABoundedNumberOfIdleBudgetsWithoutBeingAskedTo) {
  for (int key = 0; key < 20'000; ++key) {
    ASSERT_TRUE(limiter_.acquire(*limiter_.budget("key_" + std::to_string(key)), minute_quota(5), 1));
    clock_.advance(milliseconds{100});
  }

  // 600 keys were active in the last minute; 16 shards of at least 64 before a sweep.
  EXPECT_LE(limiter_.size(), 2'400U);
}

TEST_F(MemoryLimiterTest, FreesTheRingOfAnIdleBudgetThatIsHeld) {
  const auto budget = limiter_.budget("key_a");
  ASSERT_TRUE(limiter_.acquire(*budget, minute_quota(1'000), 1'000));
  const std::size_t full = MemoryLimiter::bytes_of(*budget);

  clock_.advance(milliseconds{60'000});
  limiter_.evict_idle();

  EXPECT_GE(full, 4'000U);
  EXPECT_LE(full, 4'400U);
  EXPECT_LE(MemoryLimiter::bytes_of(*budget), 300U);
}

TEST_F(MemoryLimiterTest, AKeyThatMovesThroughManyPoliciesKeepsABoundedNumberOfWindows) {
  const auto budget = limiter_.budget("key_a");
  for (int policy = 0; policy < 100; ++policy) {
    Quota quota = minute_quota(5);
    quota.policies[0].name = "policy-" + std::to_string(policy);
    ASSERT_TRUE(limiter_.acquire(*budget, quota, 1)->is_allowed);
  }

  EXPECT_LE(MemoryLimiter::bytes_of(*budget), 2'500U);
}

TEST_F(MemoryLimiterTest, PoliciesThatSwapPlacesKeepTheirUnits) {
  const auto budget = limiter_.budget("key_a");
  const Policy minute{.name = "minute", .limit = 2};
  const Policy day{.name = "day", .limit = 9, .window = std::chrono::hours{24}};
  ASSERT_TRUE(limiter_.acquire(*budget, {.tier = "free", .policies = {minute, day}}, 2));

  const Result<Decision> decision = limiter_.acquire(*budget, {.tier = "free", .policies = {day, minute}}, 1);

  EXPECT_FALSE(decision->is_allowed);
  EXPECT_EQ(decision->shown()->name, "minute");
  EXPECT_EQ(decision->states[0].remaining, 7U);
}

TEST_F(MemoryLimiterTest, ADayOfAnUnlimitedTierForgetsNothingThatStillCounts) {
  const auto budget = limiter_.budget("key_a");
  ASSERT_TRUE(limiter_.acquire(*budget, minute_quota(5), 5));

  ASSERT_TRUE(limiter_.acquire(*budget, {.tier = "admin", .is_unlimited = true}, 1)->is_allowed);

  EXPECT_FALSE(limiter_.acquire(*budget, minute_quota(5), 1)->is_allowed);
}

}  // namespace
}  // namespace weir::limits

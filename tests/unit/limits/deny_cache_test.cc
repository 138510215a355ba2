#include "limits/deny_cache.h"

#include <gtest/gtest.h>

namespace weir::limits {
namespace {

using std::chrono::milliseconds;
using TimePoint = DenyCache::TimePoint;

constexpr TimePoint at(int ms) { return TimePoint{milliseconds{1'000'000 + ms}}; }
const UnixMillis kWall = from_unix_ms(1'795'000'000'000);

Quota quota_of(std::uint32_t limit) { return {.tier = "free", .policies = {{.name = "minute", .limit = limit}}}; }

Decision refusal_of(std::uint32_t limit, milliseconds retry_after, milliseconds reset_in, std::uint32_t remaining = 0) {
  Decision decision;
  decision.is_allowed = false;
  decision.tier = "free";
  decision.decided_at = kWall;
  decision.retry_after = retry_after;
  decision.states.emplace_back("minute", limit, milliseconds{60'000}, remaining, kWall + reset_in);
  return decision;
}

class DenyCacheTest : public ::testing::Test {
 protected:
  void remember(const Decision& refusal, std::uint32_t cost = 1) {
    cache_.remember(refusal, quota_of(refusal.states[0].limit), cost,
                    {.at = at(0), .answered_at = at(4), .version = cache_.version()});
  }

  DenyCache cache_;
};

TEST_F(DenyCacheTest, RepeatsARefusalUntilItsTime) {
  remember(refusal_of(5, milliseconds{500}, milliseconds{500}));

  const auto repeated = cache_.find(quota_of(5), 1, at(104));
  ASSERT_TRUE(repeated.has_value());
  EXPECT_FALSE(repeated->is_allowed);
  EXPECT_EQ(repeated->retry_after, milliseconds{400});
  EXPECT_EQ(repeated->decided_at, kWall + milliseconds{100});
  EXPECT_EQ(repeated->states[0].reset_at, kWall + milliseconds{500});
  EXPECT_TRUE(cache_.find(quota_of(5), 1, at(499)).has_value());
}

TEST_F(DenyCacheTest, AsksAgainFromTheEarliestMomentAtWhichTheCallMayBeAdmitted) {
  remember(refusal_of(5, milliseconds{500}, milliseconds{500}));

  // The limiter decided somewhere between 0 and 4.
  EXPECT_FALSE(cache_.find(quota_of(5), 1, at(500)).has_value());
  EXPECT_TRUE(cache_.is_empty(at(500)));
}

TEST_F(DenyCacheTest, ARefusalHoldsOnlyUntilAUnitLeaves) {
  remember(refusal_of(5, milliseconds{500}, milliseconds{200}, 1), 3);

  EXPECT_TRUE(cache_.find(quota_of(5), 3, at(199)).has_value());
  EXPECT_FALSE(cache_.find(quota_of(5), 3, at(200)).has_value());
}

TEST_F(DenyCacheTest, SaysNothingOfAnotherCostOrQuota) {
  remember(refusal_of(5, milliseconds{500}, milliseconds{500}));

  EXPECT_FALSE(cache_.find(quota_of(5), 2, at(10)).has_value());
  EXPECT_FALSE(cache_.find(quota_of(6), 1, at(10)).has_value());
  Quota two = quota_of(5);
  two.policies.push_back({.name = "day", .limit = 50});
  EXPECT_FALSE(cache_.find(two, 1, at(10)).has_value());
  EXPECT_TRUE(cache_.find(quota_of(5), 1, at(10)).has_value());
}

TEST_F(DenyCacheTest, SaysNothingOfACallThatSpendsOtherPolicies) {
  remember(refusal_of(5, milliseconds{500}, milliseconds{500}));
  Quota shown_only = quota_of(5);
  shown_only.policies[0].fixed_cost = 0;

  EXPECT_FALSE(cache_.find(shown_only, 1, at(10)).has_value());
}

TEST_F(DenyCacheTest, ARefundForgetsTheRefusal) {
  remember(refusal_of(5, milliseconds{500}, milliseconds{500}));

  cache_.forget();

  EXPECT_FALSE(cache_.find(quota_of(5), 1, at(10)).has_value());
}

TEST_F(DenyCacheTest, ARefusalThatWasUnderWayDuringARefundIsNotRemembered) {
  const std::uint64_t version = cache_.version();
  cache_.forget();

  cache_.remember(refusal_of(5, milliseconds{500}, milliseconds{500}), quota_of(5), 1,
                  {.at = at(0), .answered_at = at(4), .version = version});

  EXPECT_FALSE(cache_.find(quota_of(5), 1, at(10)).has_value());
}

TEST_F(DenyCacheTest, ACostThatNoWindowCanHoldIsNotRemembered) {
  remember(refusal_of(5, milliseconds{60'000}, milliseconds{500}), 6);

  EXPECT_FALSE(cache_.find(quota_of(5), 6, at(10)).has_value());
}

}  // namespace
}  // namespace weir::limits

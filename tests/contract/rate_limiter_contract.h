// What every RateLimiter promises, whatever keeps its windows. A backend instantiates it:
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, RateLimiterContract, MemoryBackend);
// with a default-constructible harness that has `limits::RateLimiter& limiter()`, `void advance(milliseconds)` and
// `UnixMillis now()` (the limiter's own time, which stands still until advance()).
#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "limits/rate_limiter.h"
#include "limits/tiers.h"

namespace weir::limits::testing {

using std::chrono::milliseconds;

inline Quota minute_quota(std::uint32_t limit) {
  return {.tier = "free", .is_unlimited = false, .policies = {{.name = "minute", .limit = limit}}};
}

// The definition of the rule, as slowly as it can be said: admitted units with their times.
class Oracle {
 public:
  void admitted(UnixMillis at, std::uint32_t cost) { units_.insert(units_.end(), cost, at); }
  [[nodiscard]] std::uint32_t spent(UnixMillis now, milliseconds window) const {
    std::uint32_t spent = 0;
    for (auto unit = units_.rbegin(); unit != units_.rend() && now - *unit < window; ++unit) ++spent;
    return spent;
  }
  // The most units in any trailing window; every maximum ends at an admitted unit.
  [[nodiscard]] std::uint32_t worst(milliseconds window) const {
    std::size_t worst = 0;
    std::size_t first = 0;
    for (std::size_t last = 0; last < units_.size(); ++last) {
      while (units_[last] - units_[first] >= window) ++first;
      worst = std::max(worst, last - first + 1);
    }
    return static_cast<std::uint32_t>(worst);
  }

 private:
  std::vector<UnixMillis> units_;
};

// The decision of acquire_or_call(), waited for.
inline Result<Decision> acquire_by_call(RateLimiter& limiter, const std::shared_ptr<KeyBudget>& budget,
                                        const Quota& quota, std::uint32_t cost) {
  const auto late = std::make_shared<std::promise<Result<Decision>>>();
  auto decision = limiter.acquire_or_call(budget, quota, cost,
                                          [late](Result<Decision> decided) { late->set_value(std::move(decided)); });
  if (decision) return *std::move(decision);
  return late->get_future().get();
}

template <typename Backend>
class RateLimiterContract : public ::testing::Test {
 protected:
  Decision acquire(KeyBudget& budget, const Quota& quota, std::uint32_t cost = 1) {
    // In turn: whoever waits and whoever is called get the same decisions.
    is_called_ = !is_called_;
    const std::shared_ptr<KeyBudget> not_owned(std::shared_ptr<void>(), &budget);
    Result<Decision> decision = is_called_ ? acquire_by_call(backend_.limiter(), not_owned, quota, cost)
                                           : backend_.limiter().acquire(budget, quota, cost);
    EXPECT_TRUE(decision.has_value());
    return decision ? std::move(*decision) : Decision{};
  }
  int admitted_of(KeyBudget& budget, const Quota& quota, int calls) {
    int admitted = 0;
    for (int call = 0; call < calls; ++call) admitted += acquire(budget, quota).is_allowed ? 1 : 0;
    return admitted;
  }
  std::shared_ptr<KeyBudget> key(std::string_view id = "key_a") { return backend_.limiter().budget(id); }

  Backend backend_;
  bool is_called_ = false;
};

TYPED_TEST_SUITE_P(RateLimiterContract);

TYPED_TEST_P(RateLimiterContract, AdmitsExactlyTheLimitOfEveryTier) {
  const Tiers tiers = Tiers::defaults();
  for (const char* tier : {"free", "standard", "starter", "pro"}) {
    const auto budget = this->key(std::string("key_") + tier);
    const Quota quota = tiers.quota_for(tier, std::nullopt);
    const int limit = static_cast<int>(quota.policies.at(0).limit);

    EXPECT_EQ(this->admitted_of(*budget, quota, limit + 50), limit) << tier;
  }
}

TYPED_TEST_P(RateLimiterContract, TellsLimitRemainingAndReset) {
  const auto budget = this->key();
  const UnixMillis first = this->backend_.now();

  this->acquire(*budget, minute_quota(5));
  this->backend_.advance(milliseconds{1'500});
  const Decision decision = this->acquire(*budget, minute_quota(5));

  ASSERT_NE(decision.shown(), nullptr);
  EXPECT_TRUE(decision.is_allowed);
  EXPECT_EQ(decision.tier, "free");
  EXPECT_EQ(decision.shown()->name, "minute");
  EXPECT_EQ(decision.shown()->limit, 5U);
  EXPECT_EQ(decision.shown()->window, milliseconds{60'000});
  EXPECT_EQ(decision.shown()->remaining, 3U);
  EXPECT_EQ(decision.shown()->reset_at, first + milliseconds{60'000});
  EXPECT_EQ(decision.decided_at, first + milliseconds{1'500});
  EXPECT_EQ(decision.retry_after, milliseconds{0});
}

TYPED_TEST_P(RateLimiterContract, ResetsNowWhileNothingIsSpent) {
  const auto budget = this->key();

  const Decision decision = this->acquire(*budget, minute_quota(5), 0);

  EXPECT_EQ(decision.shown()->reset_at, this->backend_.now());
  EXPECT_EQ(decision.shown()->remaining, 5U);
}

TYPED_TEST_P(RateLimiterContract, AUnitLeavesExactlyWhenItsWindowEnds) {
  const auto budget = this->key();
  this->acquire(*budget, minute_quota(1));

  this->backend_.advance(milliseconds{59'999});
  const Decision early = this->acquire(*budget, minute_quota(1));
  this->backend_.advance(milliseconds{1});
  const Decision due = this->acquire(*budget, minute_quota(1));

  EXPECT_FALSE(early.is_allowed);
  EXPECT_EQ(early.retry_after, milliseconds{1});
  EXPECT_TRUE(due.is_allowed);
}

TYPED_TEST_P(RateLimiterContract, ARefusedCallNeverDelaysALaterOne) {
  const auto budget = this->key();
  this->acquire(*budget, minute_quota(2), 2);

  for (int second = 0; second < 59; ++second) {
    this->backend_.advance(milliseconds{1'000});
    EXPECT_FALSE(this->acquire(*budget, minute_quota(2)).is_allowed);
  }
  this->backend_.advance(milliseconds{1'000});

  EXPECT_EQ(this->admitted_of(*budget, minute_quota(2), 5), 2);
}

TYPED_TEST_P(RateLimiterContract, CostZeroIsAlwaysAllowedAndSpendsNothing) {
  const auto budget = this->key();
  this->admitted_of(*budget, minute_quota(3), 3);

  const Decision decision = this->acquire(*budget, minute_quota(3), 0);

  EXPECT_TRUE(decision.is_allowed);
  EXPECT_EQ(decision.shown()->remaining, 0U);
  EXPECT_EQ(decision.retry_after, milliseconds{0});
}

TYPED_TEST_P(RateLimiterContract, ACostIsSpentWholeOrNotAtAll) {
  const auto budget = this->key();
  this->acquire(*budget, minute_quota(10), 7);

  const Decision refused = this->acquire(*budget, minute_quota(10), 4);
  const Decision fits = this->acquire(*budget, minute_quota(10), 3);

  EXPECT_FALSE(refused.is_allowed);
  EXPECT_EQ(refused.shown()->remaining, 3U);
  EXPECT_TRUE(fits.is_allowed);
  EXPECT_EQ(fits.shown()->remaining, 0U);
}

TYPED_TEST_P(RateLimiterContract, RetryAfterOfACostWaitsForTheUnitThatItNeeds) {
  const auto budget = this->key();
  for (int unit = 0; unit < 4; ++unit) {  // at 0, 1, 2 and 3 s
    this->acquire(*budget, minute_quota(4));
    this->backend_.advance(milliseconds{1'000});
  }

  EXPECT_EQ(this->acquire(*budget, minute_quota(4), 1).retry_after, milliseconds{56'000});
  EXPECT_EQ(this->acquire(*budget, minute_quota(4), 3).retry_after, milliseconds{58'000});
}

TYPED_TEST_P(RateLimiterContract, ACostAboveTheLimitIsRefusedWithTheWindowAsDelay) {
  const auto budget = this->key();

  const Decision decision = this->acquire(*budget, minute_quota(4), 5);

  EXPECT_FALSE(decision.is_allowed);
  EXPECT_EQ(decision.retry_after, milliseconds{60'000});
  EXPECT_EQ(this->admitted_of(*budget, minute_quota(4), 10), 4);
}

TYPED_TEST_P(RateLimiterContract, ARefundGivesTheUnitsBack) {
  const auto budget = this->key();
  this->acquire(*budget, minute_quota(5), 2);
  this->backend_.advance(milliseconds{10});
  const Decision failed = this->acquire(*budget, minute_quota(5), 3);

  this->backend_.limiter().refund(*budget, minute_quota(5), failed, 3);

  EXPECT_EQ(this->admitted_of(*budget, minute_quota(5), 10), 3);
}

TYPED_TEST_P(RateLimiterContract, ARefundTakesBackItsOwnUnitsAndNotOlderOnes) {
  const auto budget = this->key();
  this->acquire(*budget, minute_quota(3));
  this->backend_.advance(milliseconds{10'000});
  const Decision failed = this->acquire(*budget, minute_quota(3));
  this->backend_.advance(milliseconds{10'000});
  this->acquire(*budget, minute_quota(3));

  this->backend_.limiter().refund(*budget, minute_quota(3), failed, 1);
  this->acquire(*budget, minute_quota(3));  // spends what was refunded

  EXPECT_EQ(this->acquire(*budget, minute_quota(3)).retry_after, milliseconds{40'000});  // the first one's end
  this->backend_.advance(milliseconds{40'000});
  EXPECT_EQ(this->admitted_of(*budget, minute_quota(3), 5), 1);
}

TYPED_TEST_P(RateLimiterContract, ARefundOfARefusalGivesNothing) {
  const auto budget = this->key();
  this->admitted_of(*budget, minute_quota(2), 2);
  const Decision refused = this->acquire(*budget, minute_quota(2));

  this->backend_.limiter().refund(*budget, minute_quota(2), refused, 1);

  EXPECT_FALSE(this->acquire(*budget, minute_quota(2)).is_allowed);
}

TYPED_TEST_P(RateLimiterContract, ALowerLimitCountsWhatWasSpentUnderTheHigherOne) {
  const auto budget = this->key();
  this->admitted_of(*budget, minute_quota(10), 6);
  this->backend_.advance(milliseconds{30'000});
  this->admitted_of(*budget, minute_quota(10), 2);

  const Decision decision = this->acquire(*budget, minute_quota(3));

  EXPECT_FALSE(decision.is_allowed);
  EXPECT_EQ(decision.shown()->remaining, 0U);
  EXPECT_EQ(decision.shown()->limit, 3U);
  EXPECT_EQ(decision.retry_after, milliseconds{30'000});
  this->backend_.advance(decision.retry_after);
  EXPECT_EQ(this->admitted_of(*budget, minute_quota(3), 5), 1);
}

TYPED_TEST_P(RateLimiterContract, AHigherLimitAdmitsTheDifferenceAtOnce) {
  const auto budget = this->key();
  this->admitted_of(*budget, minute_quota(3), 5);

  EXPECT_EQ(this->admitted_of(*budget, minute_quota(1'000), 2'000), 997);
}

TYPED_TEST_P(RateLimiterContract, UnlimitedIsNeverRefusedAndShowsNoPolicy) {
  const auto budget = this->key();
  const Quota admin{.tier = "admin", .is_unlimited = true, .policies = {}};

  EXPECT_EQ(this->admitted_of(*budget, admin, 5'000), 5'000);
  const Decision decision = this->acquire(*budget, admin);
  EXPECT_TRUE(decision.is_unlimited);
  EXPECT_EQ(decision.shown(), nullptr);
  EXPECT_EQ(decision.tier, "admin");
}

TYPED_TEST_P(RateLimiterContract, KeysDoNotShareABudget) {
  const auto one = this->key("key_one");
  const auto two = this->key("key_two");

  this->admitted_of(*one, minute_quota(5), 5);

  EXPECT_EQ(this->admitted_of(*two, minute_quota(5), 9), 5);
}

TYPED_TEST_P(RateLimiterContract, ABudgetIsRememberedWhileItsUnitsCount) {
  { this->admitted_of(*this->key(), minute_quota(5), 5); }

  EXPECT_FALSE(this->acquire(*this->key(), minute_quota(5)).is_allowed);
}

TYPED_TEST_P(RateLimiterContract, EveryPolicyMustAdmitAndARefusalByOneSpendsNothingOfTheOthers) {
  const auto budget = this->key();
  const Quota quota{
      .tier = "free",
      .is_unlimited = false,
      .policies = {{.name = "minute", .limit = 3}, {.name = "day", .limit = 4, .window = std::chrono::hours{24}}}};

  EXPECT_EQ(this->admitted_of(*budget, quota, 5), 3);
  const Decision by_minute = this->acquire(*budget, quota);
  EXPECT_EQ(by_minute.shown()->name, "minute");
  EXPECT_EQ(by_minute.retry_after, milliseconds{60'000});
  this->backend_.advance(milliseconds{60'000});
  const Decision fourth = this->acquire(*budget, quota);
  EXPECT_TRUE(fourth.is_allowed);
  EXPECT_EQ(fourth.shown()->name, "day");  // the tightest: nothing remains of it
  const Decision by_day = this->acquire(*budget, quota);
  EXPECT_FALSE(by_day.is_allowed);
  EXPECT_EQ(by_day.shown()->name, "day");
  EXPECT_EQ(by_day.retry_after, std::chrono::hours{24} - milliseconds{60'000});
  ASSERT_EQ(by_day.states.size(), 2U);
  EXPECT_EQ(by_day.states[0].remaining, 2U);
}

// Bursts at window edges, steady rates, idle gaps and changing costs: never more than the limit in any trailing
// window, always as much as the rule allows, and every Retry-After true.
TYPED_TEST_P(RateLimiterContract, AgreesWithTheRuleOnAdversarialSchedules) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](unsigned bound) { return static_cast<std::uint32_t>(random() % bound); };
  constexpr milliseconds kWindow{60'000};
  constexpr int kStepsPerLimit = 4'000;

  for (const std::uint32_t limit : {100U, 120U, 500U, 1'000U, 37U}) {
    SCOPED_TRACE("limit " + std::to_string(limit));
    const Quota quota = minute_quota(limit);
    const auto budget = this->key("key_" + std::to_string(limit));
    Oracle oracle;
    for (int step = 0; step < kStepsPerLimit; ++step) {
      const std::uint32_t cost = below(8) == 0 ? 1 + below(limit) : 1 + below(3);
      const std::uint32_t spent = oracle.spent(this->backend_.now(), kWindow);
      const Decision decision = this->acquire(*budget, quota, cost);

      ASSERT_EQ(decision.is_allowed, spent + cost <= limit) << "step " << step << " cost " << cost;
      if (decision.is_allowed) oracle.admitted(this->backend_.now(), cost);
      ASSERT_EQ(decision.shown()->remaining, limit - spent - (decision.is_allowed ? cost : 0)) << "step " << step;
      if (!decision.is_allowed && below(4) == 0) {
        ASSERT_GT(decision.retry_after, milliseconds{0});
        this->backend_.advance(decision.retry_after - milliseconds{1});
        ASSERT_FALSE(this->acquire(*budget, quota, cost).is_allowed) << "too pessimistic at step " << step;
        this->backend_.advance(milliseconds{1});
        ASSERT_TRUE(this->acquire(*budget, quota, cost).is_allowed) << "dishonest at step " << step;
        oracle.admitted(this->backend_.now(), cost);
        continue;
      }
      switch (below(40)) {
        case 0: this->backend_.advance(milliseconds{59'990 + below(20)}); break;  // around the window's edge
        case 1: this->backend_.advance(milliseconds{below(120'000)}); break;      // idle
        case 2:
        case 3:
        case 4: this->backend_.advance(milliseconds{below(200)}); break;  // steady
        default: break;                                                   // burst
      }
    }
    EXPECT_LE(oracle.worst(kWindow), limit);
    EXPECT_EQ(oracle.worst(kWindow), limit) << "the schedule never asked for all of it";
  }
}

// limits.md section 1: what a fixed window and two buckets get wrong.
TYPED_TEST_P(RateLimiterContract, ABurstBeforeTheMinuteAndASteadyRateAfterItStayWithinTheLimit) {
  const auto budget = this->key();
  Oracle oracle;
  this->backend_.advance(milliseconds{59'990});
  for (int call = 0; call < 150; ++call) {
    if (this->acquire(*budget, minute_quota(100)).is_allowed) oracle.admitted(this->backend_.now(), 1);
  }
  for (int call = 0; call < 600; ++call) {
    this->backend_.advance(milliseconds{200});
    if (this->acquire(*budget, minute_quota(100)).is_allowed) oracle.admitted(this->backend_.now(), 1);
  }

  EXPECT_EQ(oracle.worst(milliseconds{60'000}), 100U);
}

TYPED_TEST_P(RateLimiterContract, EightThreadsOnOneKeyNeverExceedItsLimit) {
  constexpr int kThreads = 8;
  constexpr int kCallsEach = 400;
  const Quota quota = minute_quota(1'000);
  std::atomic<int> admitted{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        const auto budget = this->key();
        for (int call = 0; call < kCallsEach; ++call) {
          const Result<Decision> decision = this->backend_.limiter().acquire(*budget, quota, 1);
          if (decision && decision->is_allowed) ++admitted;
        }
      });
    }
  }

  EXPECT_EQ(admitted.load(), 1'000);
}

REGISTER_TYPED_TEST_SUITE_P(
    RateLimiterContract, AdmitsExactlyTheLimitOfEveryTier, TellsLimitRemainingAndReset, ResetsNowWhileNothingIsSpent,
    AUnitLeavesExactlyWhenItsWindowEnds, ARefusedCallNeverDelaysALaterOne, CostZeroIsAlwaysAllowedAndSpendsNothing,
    ACostIsSpentWholeOrNotAtAll, RetryAfterOfACostWaitsForTheUnitThatItNeeds,
    ACostAboveTheLimitIsRefusedWithTheWindowAsDelay, ARefundGivesTheUnitsBack,
    ARefundTakesBackItsOwnUnitsAndNotOlderOnes, ARefundOfARefusalGivesNothing,
    ALowerLimitCountsWhatWasSpentUnderTheHigherOne, AHigherLimitAdmitsTheDifferenceAtOnce,
    UnlimitedIsNeverRefusedAndShowsNoPolicy, KeysDoNotShareABudget, ABudgetIsRememberedWhileItsUnitsCount,
    EveryPolicyMustAdmitAndARefusalByOneSpendsNothingOfTheOthers, AgreesWithTheRuleOnAdversarialSchedules,
    ABurstBeforeTheMinuteAndASteadyRateAfterItStayWithinTheLimit, EightThreadsOnOneKeyNeverExceedItsLimit);

}  // namespace weir::limits::testing

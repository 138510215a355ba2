#include "limits/fallback_limiter.h"

#include "limits/memory_limiter.h"
#include "limits/redis_limiter.h"
#include "tests/contract/rate_limiter_contract.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/redis_process.h"

namespace weir::limits {
namespace {

using std::chrono::milliseconds;
using testing::minute_quota;
using weir::testing::eventually;
using weir::testing::FakeClock;

// With its Redis, the fallback is nothing but Redis.
struct FallbackBackend {
  FakeClock clock;
  weir::testing::RedisProcess redis;
  RedisConnection connection{redis.settings()};
  RedisLimiter shared{connection, clock, RedisLimiter::ScriptClock::ours};
  MemoryLimiter local{clock};
  FallbackLimiter fallback{shared, local, clock, {.on_loss = OnRedisLoss::closed}};

  RateLimiter& limiter() { return fallback; }
  void advance(milliseconds by) { clock.advance(by); }
  [[nodiscard]] UnixMillis now() const { return clock.now(); }
};

// A shared limiter that can be taken away. Thread-safe.
class FickleLimiter final : public RateLimiter {
 public:
  explicit FickleLimiter(const Clock& clock) : memory_(clock) {}
  std::shared_ptr<KeyBudget> budget(std::string_view key_id) override { return memory_.budget(key_id); }
  Result<Decision> acquire(KeyBudget& budget, const Quota& quota, std::uint32_t cost) override {
    ++asked;
    if (is_away) return Error{ErrorCode::unavailable, "away"};
    return memory_.acquire(budget, quota, cost);
  }
  void refund(KeyBudget& budget, const Quota& quota, const Decision& decision, std::uint32_t cost) override {
    memory_.refund(budget, quota, decision, cost);
  }

  std::atomic<bool> is_away{false};
  std::atomic<int> asked{0};

 private:
  MemoryLimiter memory_;
};

// Without it, one node alone keeps the same promises.
struct DegradedBackend {
  FakeClock clock;
  FickleLimiter shared{clock};
  MemoryLimiter local{clock};
  FallbackLimiter fallback{shared, local, clock, {.on_loss = OnRedisLoss::local, .nodes = 1}};

  DegradedBackend() { shared.is_away = true; }
  RateLimiter& limiter() { return fallback; }
  void advance(milliseconds by) { clock.advance(by); }
  [[nodiscard]] UnixMillis now() const { return clock.now(); }
};

}  // namespace

namespace testing {
INSTANTIATE_TYPED_TEST_SUITE_P(Fallback, RateLimiterContract, FallbackBackend);
INSTANTIATE_TYPED_TEST_SUITE_P(Degraded, RateLimiterContract, DegradedBackend);
}  // namespace testing

namespace {

class FallbackLimiterTest : public ::testing::Test {
 protected:
  FallbackLimiter make(OnRedisLoss on_loss, std::uint32_t nodes = 4,
                       milliseconds probe_interval = std::chrono::hours{1}) {
    return FallbackLimiter(shared_, local_, clock_,
                           {.on_loss = on_loss, .nodes = nodes, .probe_interval = probe_interval});
  }
  static int admitted_of(RateLimiter& limiter, const Quota& quota, int calls) {
    const auto budget = limiter.budget("key_a");
    int admitted = 0;
    for (int call = 0; call < calls; ++call) {
      const Result<Decision> decision = limiter.acquire(*budget, quota, 1);
      if (decision && decision->is_allowed) ++admitted;
    }
    return admitted;
  }

  FakeClock clock_;
  FickleLimiter shared_{clock_};
  MemoryLimiter local_{clock_};
};

TEST_F(FallbackLimiterTest, SpendsTheSharedBudgetWhileThereIsOne) {
  FallbackLimiter limiter = make(OnRedisLoss::local);

  EXPECT_EQ(admitted_of(limiter, minute_quota(100), 150), 100);
  EXPECT_FALSE(limiter.is_degraded());
  EXPECT_EQ(limiter.losses(), 0U);
}

TEST_F(FallbackLimiterTest, ANodeAloneAdmitsItsShareAndShowsIt) {
  FallbackLimiter limiter = make(OnRedisLoss::local, 4);
  shared_.is_away = true;

  EXPECT_EQ(admitted_of(limiter, minute_quota(100), 150), 25);

  const auto decision = limiter.acquire(*limiter.budget("key_a"), minute_quota(100), 1);
  EXPECT_TRUE(decision->is_degraded);
  EXPECT_EQ(decision->shown()->limit, 25U);
  EXPECT_EQ(decision->retry_after, milliseconds{60'000});
}

TEST_F(FallbackLimiterTest, AShareIsAtLeastOne) {
  FallbackLimiter limiter = make(OnRedisLoss::local, 200);
  shared_.is_away = true;

  EXPECT_EQ(admitted_of(limiter, minute_quota(100), 10), 1);
}

TEST_F(FallbackLimiterTest, ClosedRefusesWithADelay) {
  FallbackLimiter limiter = make(OnRedisLoss::closed, 4, std::chrono::hours{1});
  shared_.is_away = true;

  const auto decision = limiter.acquire(*limiter.budget("key_a"), minute_quota(100), 1);

  ASSERT_FALSE(decision.has_value());
  EXPECT_EQ(decision.error().code, ErrorCode::unavailable);
  EXPECT_EQ(decision.error().retry_after, std::chrono::hours{1});
}

TEST_F(FallbackLimiterTest, ClosedNeverRefusesWhatCostsNothingAndSaysThatNothingIsLeft) {
  FallbackLimiter limiter = make(OnRedisLoss::closed, 4, std::chrono::seconds{1});
  shared_.is_away = true;

  const auto decision = limiter.acquire(*limiter.budget("key_a"), minute_quota(100), 0);

  ASSERT_TRUE(decision.has_value());
  EXPECT_TRUE(decision->is_allowed);
  EXPECT_TRUE(decision->is_degraded);
  EXPECT_EQ(decision->shown()->limit, 100U);
  EXPECT_EQ(decision->shown()->remaining, 0U);
  EXPECT_EQ(decision->shown()->reset_at - decision->decided_at, std::chrono::seconds{1});
}

TEST_F(FallbackLimiterTest, OpenAdmitsEverythingInTheUsualShape) {
  FallbackLimiter limiter = make(OnRedisLoss::open);
  shared_.is_away = true;

  EXPECT_EQ(admitted_of(limiter, minute_quota(100), 500), 500);

  const auto decision = limiter.acquire(*limiter.budget("key_a"), minute_quota(100), 1);
  ASSERT_NE(decision->shown(), nullptr);
  EXPECT_EQ(decision->shown()->limit, 100U);
  EXPECT_TRUE(decision->is_degraded);
}

TEST_F(FallbackLimiterTest, UnlimitedKeysAreNeverRefused) {
  shared_.is_away = true;
  const Quota admin{.tier = "admin", .is_unlimited = true};
  for (const OnRedisLoss on_loss : {OnRedisLoss::local, OnRedisLoss::closed, OnRedisLoss::open}) {
    FallbackLimiter limiter = make(on_loss);
    EXPECT_EQ(admitted_of(limiter, admin, 10), 10) << to_string(on_loss);
  }
}

TEST_F(FallbackLimiterTest, OnlyTheFirstCallAsksASharedLimiterThatIsAway) {
  FallbackLimiter limiter = make(OnRedisLoss::local);
  shared_.is_away = true;

  admitted_of(limiter, minute_quota(100), 500);

  EXPECT_EQ(shared_.asked, 1);
  EXPECT_EQ(limiter.losses(), 1U);
}

TEST_F(FallbackLimiterTest, GoesBackToTheSharedLimiterByItself) {
  FallbackLimiter limiter = make(OnRedisLoss::local, 4, milliseconds{5});
  shared_.is_away = true;
  admitted_of(limiter, minute_quota(100), 1);
  ASSERT_TRUE(limiter.is_degraded());

  shared_.is_away = false;

  EXPECT_TRUE(eventually([&] { return !limiter.is_degraded(); }));
  EXPECT_EQ(admitted_of(limiter, minute_quota(100), 150), 100);
  EXPECT_EQ(limiter.losses(), 1U);
}

TEST_F(FallbackLimiterTest, KeepsAskingWhileTheSharedLimiterIsAway) {
  FallbackLimiter limiter = make(OnRedisLoss::local, 4, milliseconds{2});
  shared_.is_away = true;
  admitted_of(limiter, minute_quota(100), 1);

  EXPECT_TRUE(eventually([&] { return shared_.asked > 5; }));
  EXPECT_TRUE(limiter.is_degraded());
}

TEST_F(FallbackLimiterTest, ARefundGoesToWhomeverDecided) {
  FallbackLimiter limiter = make(OnRedisLoss::local, 1, milliseconds{2});
  const auto budget = limiter.budget("key_a");
  const auto by_shared = limiter.acquire(*budget, minute_quota(3), 3);
  shared_.is_away = true;
  const auto by_local = limiter.acquire(*budget, minute_quota(3), 2);
  ASSERT_TRUE(by_local->is_degraded);

  limiter.refund(*budget, minute_quota(3), *by_shared, 3);
  EXPECT_EQ(limiter.acquire(*budget, minute_quota(3), 0)->shown()->remaining, 1U);
  limiter.refund(*budget, minute_quota(3), *by_local, 2);
  EXPECT_EQ(limiter.acquire(*budget, minute_quota(3), 0)->shown()->remaining, 3U);

  shared_.is_away = false;
  ASSERT_TRUE(eventually([&] { return !limiter.is_degraded(); }));
  EXPECT_EQ(limiter.acquire(*budget, minute_quota(3), 0)->shown()->remaining, 3U);
}

TEST_F(FallbackLimiterTest, TheWaysAreNamedAsInTheConfiguration) {
  for (const OnRedisLoss on_loss : {OnRedisLoss::local, OnRedisLoss::closed, OnRedisLoss::open}) {
    EXPECT_EQ(on_redis_loss_from(to_string(on_loss)), on_loss);
  }
  EXPECT_EQ(on_redis_loss_from("Local"), std::nullopt);
}

}  // namespace
}  // namespace weir::limits

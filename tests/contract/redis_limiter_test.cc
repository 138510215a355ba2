// The limiter that keeps its windows in Redis, against a real server: the contract, agreement with the memory limiter,
// many processes on one server, and what it costs there.
#include "limits/redis_limiter.h"

#include <sys/wait.h>
#include <unistd.h>

#include "limits/memory_limiter.h"
#include "tests/contract/rate_limiter_contract.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/redis_process.h"

namespace weir::limits {
namespace {

using std::chrono::milliseconds;
using testing::minute_quota;
using weir::testing::FakeClock;
using weir::testing::RedisProcess;

struct RedisBackend {
  FakeClock clock;
  RedisProcess redis;
  RedisConnection connection{redis.settings()};
  RedisLimiter shared{connection, clock, RedisLimiter::ScriptClock::ours};

  RateLimiter& limiter() { return shared; }
  void advance(milliseconds by) { clock.advance(by); }
  [[nodiscard]] UnixMillis now() const { return clock.now(); }
};

}  // namespace

namespace testing {
INSTANTIATE_TYPED_TEST_SUITE_P(Redis, RateLimiterContract, RedisBackend);
}  // namespace testing

namespace {

class RedisLimiterTest : public ::testing::Test {
 protected:
  Decision acquire(KeyBudget& budget, const Quota& quota, std::uint32_t cost = 1) {
    Result<Decision> decision = backend_.shared.acquire(budget, quota, cost);
    EXPECT_TRUE(decision.has_value()) << (decision ? "" : decision.error().cause);
    return decision ? *std::move(decision) : Decision{};
  }

  RedisBackend backend_;
};

std::string told_by(const Decision& decision) {
  std::string told = decision.is_allowed ? "allowed" : "refused";
  told += " at " + std::to_string(to_unix_ms(decision.decided_at)) + " retry " +
          std::to_string(decision.retry_after.count()) + " tightest " + std::to_string(decision.tightest);
  for (const PolicyState& state : decision.states) {
    told += " | " + state.name + " " + std::to_string(state.remaining) + "/" + std::to_string(state.limit) + " of " +
            std::to_string(state.window.count()) + " reset " + std::to_string(to_unix_ms(state.reset_at));
  }
  return told;
}

// Several keys, tiers that change, costs, refunds, bursts and pauses. The deny cache is in it: what it repeats must be
// what a limiter without it says.
TEST_F(RedisLimiterTest, AgreesWithTheMemoryLimiterOnAHundredThousandRandomSteps) {
  constexpr int kSteps = 100'000;
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](unsigned bound) { return static_cast<std::uint32_t>(random() % bound); };
  MemoryLimiter memory(backend_.clock);
  const Policy day{.name = "day", .limit = 400, .window = std::chrono::hours{24}};
  const std::vector<Quota> quotas = {
      minute_quota(5),
      minute_quota(40),
      minute_quota(300),
      {.tier = "two", .policies = {{.name = "minute", .limit = 20}, day}},
      {.tier = "three",
       .policies = {{.name = "second", .limit = 4, .window = milliseconds{1'000}},
                    {.name = "minute", .limit = 30},
                    day}},
  };
  struct Spent {
    std::size_t key;
    std::size_t quota;
    std::uint32_t cost;
    Decision in_memory;
    Decision in_redis;
  };
  std::vector<std::shared_ptr<KeyBudget>> in_memory, in_redis;
  for (int key = 0; key < 6; ++key) {
    in_memory.push_back(memory.budget("key_" + std::to_string(key)));
    in_redis.push_back(backend_.shared.budget("key_" + std::to_string(key)));
  }
  std::deque<Spent> spent;
  int allowed = 0, refused = 0;

  for (int step = 0; step < kSteps; ++step) {
    const std::size_t key = below(6);
    // Mostly the key's own tier, sometimes another one: a changed tier.
    const std::size_t quota = below(20) == 0 ? below(5) : key % 5;
    const std::uint32_t cost = below(10) == 0 ? below(12) : 1;
    const Result<Decision> expected = memory.acquire(*in_memory[key], quotas[quota], cost);
    const Result<Decision> actual = backend_.shared.acquire(*in_redis[key], quotas[quota], cost);
    ASSERT_TRUE(actual.has_value()) << actual.error().cause;
    ASSERT_EQ(told_by(*actual), told_by(*expected)) << "step " << step << " key " << key << " cost " << cost;

    ++(expected->is_allowed ? allowed : refused);
    if (expected->is_allowed && cost > 0 && below(8) == 0) spent.push_back({key, quota, cost, *expected, *actual});
    if (!spent.empty() && below(8) == 0) {
      const Spent back = std::move(spent.front());
      spent.pop_front();
      memory.refund(*in_memory[back.key], quotas[back.quota], back.in_memory, back.cost);
      backend_.shared.refund(*in_redis[back.key], quotas[back.quota], back.in_redis, back.cost);
    }
    switch (below(200)) {
      case 0: backend_.advance(milliseconds{59'990 + below(20)}); break;
      case 1: backend_.advance(milliseconds{below(200'000)}); break;
      case 2: backend_.advance(std::chrono::hours{below(4)}); break;
      case 3: backend_.advance(actual->retry_after); break;
      default:
        if (below(3) != 0) backend_.advance(milliseconds{below(300)});
    }
  }

  EXPECT_GT(allowed, kSteps / 10);
  EXPECT_GT(refused, kSteps / 10);
}

// Real time, the server's clock, four processes with 32 clients. Each admission is dated by the server. No fixture: a
// process that forks had better have no busy threads.
TEST(RedisLimiterProcessesTest, FourProcessesWithThirtyTwoClientsNeverExceedTheLimitInAnyWindow) {
  constexpr int kProcesses = 4;
  constexpr int kThreadsEach = 8;
  constexpr std::uint32_t kLimit = 200;
  constexpr milliseconds kWindow{700};
  const Quota quota{.tier = "free", .policies = {{.name = "short", .limit = kLimit, .window = kWindow}}};
  const RedisProcess redis;
  int results[2];
  ASSERT_EQ(pipe(results), 0);

  std::vector<pid_t> processes;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const SystemClock clock;
      RedisConnection connection(redis.settings());
      RedisLimiter limiter(connection, clock);
      {
        std::vector<std::jthread> clients;
        for (int client = 0; client < kThreadsEach; ++client) {
          clients.emplace_back([&] {
            const auto budget = limiter.budget("key_shared");
            const auto end = std::chrono::steady_clock::now() + 3 * kWindow;
            while (std::chrono::steady_clock::now() < end) {
              const Result<Decision> decision = limiter.acquire(*budget, quota, 1);
              if (!decision || !decision->is_allowed) continue;
              // One write below PIPE_BUF is whole.
              if (write(results[1], &decision->stamp_ms, sizeof decision->stamp_ms) < 0) _exit(2);
            }
          });
        }
      }
      _exit(0);
    }
    processes.push_back(child);
  }
  close(results[1]);
  std::vector<std::int64_t> admitted;
  std::int64_t stamp = 0;
  while (read(results[0], &stamp, sizeof stamp) == sizeof stamp) admitted.push_back(stamp);
  close(results[0]);
  for (const pid_t process : processes) {
    int status = -1;
    waitpid(process, &status, 0);
    EXPECT_EQ(status, 0);
  }

  std::sort(admitted.begin(), admitted.end());
  testing::Oracle oracle;
  for (const std::int64_t at : admitted) oracle.admitted(from_unix_ms(at), 1);
  EXPECT_EQ(oracle.worst(kWindow), kLimit);
  EXPECT_GE(admitted.size(), 3 * kLimit);
}

TEST_F(RedisLimiterTest, ARetryAfterOfTheServersClockIsTrueInRealTime) {
  const SystemClock clock;
  RedisLimiter limiter(backend_.connection, clock);
  const Quota quota{.tier = "free", .policies = {{.name = "short", .limit = 3, .window = milliseconds{300}}}};
  const auto budget = limiter.budget("key_a");
  for (int call = 0; call < 3; ++call) ASSERT_TRUE(limiter.acquire(*budget, quota, 1)->is_allowed);
  const auto refused = limiter.acquire(*budget, quota, 1);
  ASSERT_FALSE(refused->is_allowed);
  ASSERT_GT(refused->retry_after, milliseconds{0});
  ASSERT_LE(refused->retry_after, milliseconds{301});

  const auto due = std::chrono::steady_clock::now() + refused->retry_after;
  ASSERT_TRUE(weir::testing::eventually([&] { return std::chrono::steady_clock::now() >= due; }));

  EXPECT_TRUE(limiter.acquire(*budget, quota, 1)->is_allowed);
}

TEST_F(RedisLimiterTest, ListsExpireWithTheirLastUnit) {
  const SystemClock clock;
  RedisLimiter limiter(backend_.connection, clock);
  const auto budget = limiter.budget("key_a");

  ASSERT_TRUE(limiter.acquire(*budget, minute_quota(3), 1)->is_allowed);

  const std::int64_t lives_ms = backend_.redis.number({"PTTL", "weir:{key_a}:minute"});
  EXPECT_GT(lives_ms, 40'000);
  EXPECT_LE(lives_ms, 60'001);
}

TEST_F(RedisLimiterTest, AFullKeyOfAThousandUnitsTakesLessThanElevenThousandBytes) {
  const SystemClock clock;
  RedisLimiter limiter(backend_.connection, clock);
  const auto budget = limiter.budget("key_a");
  for (int call = 0; call < 1'000; ++call) ASSERT_TRUE(limiter.acquire(*budget, minute_quota(1'000), 1)->is_allowed);

  EXPECT_LT(backend_.redis.number({"MEMORY", "USAGE", "weir:{key_a}:minute", "SAMPLES", "0"}), 11'000);
}

TEST_F(RedisLimiterTest, AllPoliciesOfAKeyAreOneRoundTrip) {
  const Quota quota{
      .tier = "free",
      .policies = {{.name = "minute", .limit = 3}, {.name = "day", .limit = 4, .window = std::chrono::hours{24}}}};
  const auto budget = backend_.shared.budget("key_a");
  acquire(*budget, quota);
  const std::int64_t before = backend_.redis.calls_of("evalsha");

  acquire(*budget, quota);

  EXPECT_EQ(backend_.redis.calls_of("evalsha"), before + 1);
}

TEST_F(RedisLimiterTest, ARefusedCallerWhoLoopsCostsRedisNothingUntilItsTimeHasCome) {
  const auto budget = backend_.shared.budget("key_a");
  acquire(*budget, minute_quota(2), 2);
  acquire(*budget, minute_quota(2));
  const std::int64_t before = backend_.redis.calls_of("evalsha");

  for (int call = 1; call <= 59; ++call) {
    backend_.advance(milliseconds{1'000});
    const Decision refused = acquire(*budget, minute_quota(2));
    ASSERT_FALSE(refused.is_allowed);
    ASSERT_EQ(refused.retry_after, milliseconds{60'000 - 1'000 * call});
  }

  EXPECT_EQ(backend_.redis.calls_of("evalsha"), before);
  backend_.advance(milliseconds{1'000});
  EXPECT_TRUE(acquire(*budget, minute_quota(2)).is_allowed);
}

TEST_F(RedisLimiterTest, ARaisedLimitIsSeenAtOnceByARefusedKey) {
  const auto budget = backend_.shared.budget("key_a");
  acquire(*budget, minute_quota(2), 2);
  ASSERT_FALSE(acquire(*budget, minute_quota(2)).is_allowed);

  EXPECT_TRUE(acquire(*budget, minute_quota(3)).is_allowed);
}

TEST_F(RedisLimiterTest, TheScriptIsLoadedAgainAfterAFlush) {
  const auto budget = backend_.shared.budget("key_a");
  acquire(*budget, minute_quota(5));
  backend_.redis.command({"SCRIPT", "FLUSH"});

  EXPECT_EQ(acquire(*budget, minute_quota(5)).shown()->remaining, 3U);
  const std::int64_t sent_whole = backend_.redis.calls_of("eval");
  acquire(*budget, minute_quota(5));
  EXPECT_EQ(backend_.redis.calls_of("eval"), sent_whole);
}

TEST_F(RedisLimiterTest, TheScriptIsLoadedAgainForWhoeverIsCalledBack) {
  const auto budget = backend_.shared.budget("key_a");
  acquire(*budget, minute_quota(5));
  backend_.redis.command({"SCRIPT", "FLUSH"});

  const Quota quota = minute_quota(5);
  const Result<Decision> decision = testing::acquire_by_call(backend_.shared, budget, quota, 1);

  ASSERT_TRUE(decision.has_value()) << decision.error().cause;
  EXPECT_EQ(decision->shown()->remaining, 3U);
}

TEST_F(RedisLimiterTest, AClockThatWasSetBackFreesNothingEarly) {
  const auto budget = backend_.shared.budget("key_a");
  acquire(*budget, minute_quota(2), 2);

  backend_.advance(-std::chrono::hours{3});

  EXPECT_FALSE(acquire(*budget, minute_quota(2)).is_allowed);
  EXPECT_TRUE(acquire(*budget, minute_quota(3)).is_allowed);
  backend_.advance(std::chrono::hours{3} + milliseconds{60'000});
  EXPECT_TRUE(acquire(*budget, minute_quota(2), 2).is_allowed);
}

TEST_F(RedisLimiterTest, UnitsAreToldApartWhereTheirTimesWrapAround) {
  // 2^32 ms cycles: an entry just before a boundary and one just after it, and the signed boundary in between.
  for (const std::int64_t boundary : {418LL << 32, (418LL << 32) + (1LL << 31)}) {
    SCOPED_TRACE(boundary);
    const Quota quota = minute_quota(2);
    const auto budget = backend_.shared.budget("key_" + std::to_string(boundary));
    backend_.advance(from_unix_ms(boundary - 10) - backend_.now());
    acquire(*budget, quota);
    backend_.advance(milliseconds{20});
    acquire(*budget, quota);

    EXPECT_EQ(acquire(*budget, quota).retry_after, milliseconds{59'980});
    backend_.advance(milliseconds{59'980});
    EXPECT_TRUE(acquire(*budget, quota).is_allowed);
    EXPECT_FALSE(acquire(*budget, quota).is_allowed);
  }
}

TEST_F(RedisLimiterTest, ManyUnitsThatLeaveTogetherAreNoSlowDecision) {
  const auto budget = backend_.shared.budget("key_a");
  constexpr std::uint32_t kMany = 200'000;
  acquire(*budget, minute_quota(kMany), kMany / 2);
  backend_.advance(milliseconds{10});
  acquire(*budget, minute_quota(kMany), kMany / 2);
  backend_.advance(milliseconds{59'990});
  backend_.redis.command({"CONFIG", "RESETSTAT"});

  EXPECT_EQ(acquire(*budget, minute_quota(kMany)).shown()->remaining, kMany / 2 - 1);

  EXPECT_LT(backend_.redis.calls_of("lindex"), 60);
}

TEST_F(RedisLimiterTest, AnErrorOfRedisIsUnavailableAndSaysWhichInItsCause) {
  const auto budget = backend_.shared.budget("key_a");
  backend_.redis.command({"SET", "weir:{key_a}:minute", "no list"});

  const Result<Decision> decision = backend_.shared.acquire(*budget, minute_quota(5), 1);

  ASSERT_FALSE(decision.has_value());
  EXPECT_EQ(decision.error().code, ErrorCode::unavailable);
  EXPECT_NE(decision.error().cause.find("WRONGTYPE"), std::string::npos) << decision.error().cause;
}

}  // namespace
}  // namespace weir::limits

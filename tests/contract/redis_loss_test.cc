// What callers notice when Redis goes away under load, hangs, answers with errors, and comes back.
#include <gtest/gtest.h>

#include <thread>

#include "limits/fallback_limiter.h"
#include "limits/memory_limiter.h"
#include "limits/redis_limiter.h"
#include "tests/contract/rate_limiter_contract.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_process.h"

namespace weir::limits {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using weir::testing::eventually;
using weir::testing::RedisProcess;

constexpr std::uint32_t kLimit = 1'000;
constexpr std::uint32_t kNodes = 4;

class RedisLossTest : public ::testing::Test {
 protected:
  RedisLossTest() {
    EXPECT_TRUE(eventually([this] { return connection_.is_connected(); }));
  }

  RedisSettings settings() const {
    RedisSettings settings = redis_.settings();
    settings.deadline = milliseconds{25};
    return settings;
  }
  Result<Decision> acquire(std::string_view key = "key_a") {
    return limiter_.acquire(*limiter_.budget(key), quota_, 1);
  }
  // On a machine with much else to do, a healthy Redis may miss the deadline too; that is not what is tested here.
  bool is_shared_again() {
    return eventually([this] { return !limiter_.is_degraded() && !acquire("key_healthy")->is_degraded; });
  }
  void expect_local_and_back(const std::function<void()>& recover) {
    ASSERT_TRUE(eventually([this] { return acquire("key_trigger")->is_degraded; }));
    for (int call = 0; call < 600; ++call) ASSERT_TRUE(acquire("key_lost").has_value());
    const Result<Decision> decision = acquire("key_lost");
    EXPECT_TRUE(decision->is_degraded);
    EXPECT_EQ(decision->shown()->limit, kLimit / kNodes);
    EXPECT_FALSE(decision->is_allowed);
    recover();
    EXPECT_TRUE(is_shared_again());
  }

  const SystemClock clock_;
  const Quota quota_{.tier = "pro", .policies = {{.name = "minute", .limit = kLimit}}};
  RedisProcess redis_;
  RedisConnection connection_{settings()};
  RedisLimiter shared_{connection_, clock_};
  MemoryLimiter local_{clock_};
  FallbackLimiter limiter_{
      shared_, local_, clock_, {.on_loss = OnRedisLoss::local, .nodes = kNodes, .probe_interval = milliseconds{50}}};
};

TEST_F(RedisLossTest, AKillUnderLoadFailsNobodyAndHoldsTheShare) {
  std::atomic<bool> is_over{false};
  std::atomic<int> failed{0};
  std::atomic<std::uint32_t> admitted_degraded{0};
  std::atomic<int> calls{0};
  std::vector<std::jthread> workers;
  for (int worker = 0; worker < 8; ++worker) {
    workers.emplace_back([&, worker] {
      while (!is_over) {
        // A key of its own that is never refused, and one for all.
        const Result<Decision> own = limiter_.acquire(*limiter_.budget("key_" + std::to_string(worker)),
                                                      {.tier = "x", .policies = {{.limit = 1'000'000}}}, 1);
        const Result<Decision> common = acquire("key_common");
        if (!own || !common) ++failed;
        if (common && common->is_allowed && common->is_degraded) ++admitted_degraded;
        ++calls;
      }
    });
  }
  ASSERT_TRUE(eventually([&] { return calls > 400; }));

  redis_.kill();
  ASSERT_TRUE(eventually([&] { return limiter_.is_degraded(); }));
  const int at_loss = calls;
  ASSERT_TRUE(eventually([&] { return calls > at_loss + 10'000; }));
  EXPECT_LE(admitted_degraded, kLimit / kNodes);
  redis_.start();
  EXPECT_TRUE(eventually([&] { return !limiter_.is_degraded(); }));

  is_over = true;
  workers.clear();
  EXPECT_EQ(failed, 0);
  EXPECT_LE(admitted_degraded, kLimit / kNodes);
  EXPECT_TRUE(is_shared_again());
}

TEST_F(RedisLossTest, AServerThatHangsSlowsOneDecisionAndNotAll) {
  redis_.stop();

  const auto begin = steady_clock::now();
  for (int call = 0; call < 2'000; ++call) ASSERT_TRUE(acquire("key_lost").has_value());
  const auto took = steady_clock::now() - begin;

  // Each waiting its 25 ms would be 50 s.
  EXPECT_LT(took, std::chrono::seconds{5});
  EXPECT_TRUE(limiter_.is_degraded());
  expect_local_and_back([this] { redis_.resume(); });
}

TEST_F(RedisLossTest, WhoeverIsCalledBackIsDecidedForByThisNodeAfterTheDeadline) {
  redis_.stop();

  const auto begin = steady_clock::now();
  const Result<Decision> late = testing::acquire_by_call(limiter_, limiter_.budget("key_a"), quota_, 1);
  const Result<Decision> next = testing::acquire_by_call(limiter_, limiter_.budget("key_a"), quota_, 1);
  const auto took = steady_clock::now() - begin;
  redis_.resume();

  ASSERT_TRUE(late.has_value() && next.has_value());
  EXPECT_TRUE(late->is_degraded);
  EXPECT_TRUE(next->is_degraded);
  EXPECT_EQ(next->shown()->remaining, kLimit / kNodes - 2);
  EXPECT_LT(took, std::chrono::seconds{2});
  EXPECT_TRUE(is_shared_again());
}

TEST_F(RedisLossTest, AServerWithoutMemoryCountsAsLost) {
  redis_.command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  redis_.command({"CONFIG", "SET", "maxmemory", "1"});

  expect_local_and_back([this] { redis_.command({"CONFIG", "SET", "maxmemory", "0"}); });
}

TEST_F(RedisLossTest, AReplicaThatRefusesToWriteCountsAsLost) {
  redis_.command({"CONFIG", "SET", "replica-serve-stale-data", "yes"});
  redis_.command({"REPLICAOF", "127.0.0.1", "1"});

  expect_local_and_back([this] { redis_.command({"REPLICAOF", "NO", "ONE"}); });
}

TEST_F(RedisLossTest, AServerThatStillLoadsItsDataCountsAsLost) {
  redis_.command({"EVAL", "for i = 1, 3000 do redis.call('SET', 'k' .. i, string.rep('x', 100)) end", "0"});
  redis_.command({"SAVE"});
  redis_.kill();
  redis_.start_without_waiting({"--key-load-delay", "600", "--loading-process-events-interval-bytes", "1024"});
  RedisConnection patient(redis_.settings());
  bool was_loading = false;
  ASSERT_TRUE(eventually([&] {
    const std::vector<std::string_view> ping{"PING"};
    const Result<RedisReply> reply = patient.call(ping);
    was_loading = was_loading || (reply && reply->text.starts_with("LOADING"));
    return was_loading || (reply && reply->text == "PONG");
  }));
  ASSERT_TRUE(was_loading);

  expect_local_and_back([] {});
}

TEST_F(RedisLossTest, AServerThatLostItsScriptsIsNotLost) {
  EXPECT_TRUE(is_shared_again());
  redis_.command({"SCRIPT", "FLUSH"});

  EXPECT_TRUE(acquire().has_value());
  EXPECT_TRUE(is_shared_again());
}

}  // namespace
}  // namespace weir::limits

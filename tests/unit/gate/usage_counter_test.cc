#include "server/usage_counter.h"

#include <thread>

#include "tests/support/eventually.h"
#include "tests/unit/gate/gate_fixture.h"

namespace weir::server {
namespace {

using std::chrono::minutes;

// Writes only when it is told that it may. Thread-safe.
class MoodyDatabase final : public store::Database {
 public:
  explicit MoodyDatabase(store::Database& inner) : inner_(inner) {}
  Result<void> write(const std::function<Result<void>(store::Transaction&)>& body) override {
    if (is_away_) return Error(ErrorCode::unavailable, "the database is away");
    return inner_.write(body);
  }
  Result<void> read(const std::function<Result<void>(store::Transaction&)>& body) override { return inner_.read(body); }
  void set_away(bool is_away) { is_away_ = is_away; }

 private:
  store::Database& inner_;
  std::atomic<bool> is_away_{false};
};

class UsageCounterTest : public testing::GateFixture {
 protected:
  tools::Caller caller(const std::string& key_id = "key_1") {
    tools::Caller caller;
    caller.account_id = "acc_1";
    caller.key_id = key_id;
    return caller;
  }
  store::UsageTotals written(const std::string& key_id = "key_1") {
    auto windows = database_->read_for([&](store::Transaction& transaction) {
      return store::usage_windows(transaction, "acc_1", key_id, clock_.now());
    });
    EXPECT_TRUE(windows.has_value());
    return windows ? windows->last_24h : store::UsageTotals{};
  }

  MoodyDatabase moody_{*database_};
};

TEST_F(UsageCounterTest, WhatIsFlushedIsWrittenOnce) {
  UsageCounter counter(moody_, clock_);
  for (int i = 0; i < 3; ++i) counter.count(caller(), "get_scan", CallOutcome::admitted);
  counter.count(caller(), "get_scan", CallOutcome::refused);

  ASSERT_TRUE(counter.flush());
  ASSERT_TRUE(counter.flush());

  EXPECT_EQ(written(), (store::UsageTotals{.admitted = 3, .refused = 1}));
}

TEST_F(UsageCounterTest, ACleanStopWritesTheRest) {
  UsageCounter counter(moody_, clock_);
  counter.count(caller(), "get_scan", CallOutcome::admitted);

  counter.stop();

  EXPECT_EQ(written().admitted, 1);
}

TEST_F(UsageCounterTest, ItsThreadWritesWithoutBeingAsked) {
  UsageCounter counter(moody_, clock_);
  counter.count(caller(), "get_scan", CallOutcome::admitted);

  EXPECT_TRUE(weir::testing::eventually([&] { return written().admitted == 1; }));
}

TEST_F(UsageCounterTest, WhatCouldNotBeWrittenStaysCounted) {
  UsageCounter counter(moody_, clock_);
  moody_.set_away(true);
  counter.count(caller(), "get_scan", CallOutcome::admitted);

  EXPECT_FALSE(counter.flush());
  counter.count(caller(), "get_scan", CallOutcome::admitted);
  moody_.set_away(false);
  ASSERT_TRUE(counter.flush());

  EXPECT_EQ(written().admitted, 2);
}

TEST_F(UsageCounterTest, ACallCountsInTheMinuteInWhichItCame) {
  UsageCounter counter(moody_, clock_);
  counter.count(caller(), "get_scan", CallOutcome::admitted);
  clock_.advance(minutes{24 * 60 + 2});
  counter.count(caller(), "get_scan", CallOutcome::admitted);

  ASSERT_TRUE(counter.flush());

  EXPECT_EQ(written().admitted, 1);
}

TEST_F(UsageCounterTest, HoldsABoundedNumberAndSaysWhatItLost) {
  UsageCounter counter(moody_, clock_);
  moody_.set_away(true);
  for (std::size_t i = 0; i < UsageCounter::kWaitingPerShardMax + 10; ++i) {
    counter.count(caller(), "tool_" + std::to_string(i), CallOutcome::admitted);
  }
  counter.count(caller(), "tool_0", CallOutcome::admitted);
  moody_.set_away(false);
  ASSERT_TRUE(counter.flush());

  EXPECT_EQ(counter.lost(), 10);
  EXPECT_EQ(written().admitted, std::int64_t(UsageCounter::kWaitingPerShardMax) + 1);
}

TEST_F(UsageCounterTest, ManyThreadsLoseNoCallWhileItIsFlushed) {
  constexpr int kCallsEach = 2'000;
  UsageCounter counter(moody_, clock_);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int call = 0; call < kCallsEach; ++call) counter.count(caller(), "get_scan", CallOutcome::admitted);
      });
    }
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(counter.flush());
  }
  counter.stop();

  EXPECT_EQ(written().admitted, 4 * kCallsEach);
}

TEST_F(UsageCounterTest, TheGateCountsWhatItAdmitsAndRefuses) {
  UsageCounter counter(moody_, clock_);
  gate_ = std::make_unique<Gate>(GateSettings{}, *counting_, limiter_, tiers_, clock_, ids_, &counter);
  const CreatedKey key = create({.account = "acme", .tier = "custom", .scopes = {"read"}, .limit_override = 2});
  const auto caller = caller_of(key.secret);
  const CallSpec call{.name = "list_scans", .scope = tools::Scope::scans_read};

  for (int i = 0; i < 3; ++i) EXPECT_TRUE(gate_->admit(*caller, call));
  EXPECT_FALSE(gate_->admit(*caller, {.name = "create_scan", .scope = tools::Scope::scans_run}));
  EXPECT_TRUE(gate_->admit(*caller, {.name = "ping", .cost = 0, .usage = CallSpec::Usage::not_counted}));
  ASSERT_TRUE(counter.flush());

  const auto sums = database_->read_for([&](store::Transaction& transaction) {
    return store::usage_by(transaction,
                           {.account_id = key.account.id,
                            .key_id = key.key.id,
                            .from = clock_.now() - minutes{1},
                            .to = clock_.now() + minutes{1}},
                           store::UsageGroup::tool);
  });
  ASSERT_EQ(sums->size(), 2U);
  EXPECT_EQ(sums->at(0).name, "list_scans");
  EXPECT_EQ(sums->at(0).calls, (store::UsageTotals{.admitted = 2, .refused = 1}));
  EXPECT_EQ(sums->at(1).name, "create_scan");
  EXPECT_EQ(sums->at(1).calls, (store::UsageTotals{.admitted = 0, .refused = 1}));
  gate_.reset();
}

}  // namespace
}  // namespace weir::server

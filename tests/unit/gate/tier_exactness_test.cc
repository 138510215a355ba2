// The promise of every tier, through the gate: never more than L units in any trailing window, exactly L if asked for L,
// and the first call after Retry-After is admitted. And what a change of tier or key does to the next call.
#include <algorithm>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "store/scans_store.h"
#include "store/targets_store.h"
#include "tests/unit/gate/gate_fixture.h"

namespace weir::server::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr CallSpec kCall{.name = "list_scans", .cost = 1};
constexpr CallSpec kScan{.name = "create_scan", .cost = 1, .starts_scan = true};

class TierTest : public GateFixture {
 protected:
  std::shared_ptr<const tools::Caller> caller_in(const std::string& tier, std::optional<std::int64_t> limit = {}) {
    KeyRequest request{.account = "of-" + tier, .tier = tier, .name = "test"};
    request.limit_override = limit;
    return caller_of(create(request).secret);
  }
  int admitted_of(const tools::Caller& caller, int calls, const CallSpec& call = kCall) {
    int admitted = 0;
    for (int i = 0; i < calls; ++i) admitted += gate_->admit(caller, call)->is_allowed ? 1 : 0;
    return admitted;
  }
  // Scans of the account that were started now, as its other keys would.
  void start_scans(const std::string& account_id, int count) {
    const auto stored = database_->write([&](store::Transaction& transaction) -> Result<void> {
      store::TargetRow target;
      target.id = ids_.make("tgt");
      target.account_id = account_id;
      target.url = "http://127.0.0.1/";
      target.host = "127.0.0.1";
      target.created_at = target.updated_at = clock_.now();
      if (auto inserted = store::insert_target(transaction, target); !inserted) return inserted;
      for (int i = 0; i < count; ++i) {
        store::ScanRow scan;
        scan.id = ids_.make("scn");
        scan.account_id = account_id;
        scan.target_id = target.id;
        scan.profile = "passive";
        scan.status = "completed";
        scan.queued_at = scan.updated_at = clock_.now();
        if (auto inserted = store::insert_scan(transaction, scan); !inserted) return inserted;
      }
      return {};
    });
    ASSERT_TRUE(stored) << stored.error().cause;
  }
};

struct TierLimit {
  const char* tier;
  std::uint32_t limit;
};
const std::vector<TierLimit> kTiers = {
    {"free", 100}, {"standard", 120}, {"starter", 500}, {"pro", 1'000}, {"custom", 37}};

TEST_F(TierTest, EveryTierAdmitsExactlyItsLimitAndTheFirstCallAfterRetryAfter) {
  for (const auto& [tier, limit] : kTiers) {
    SCOPED_TRACE(tier);
    const auto caller =
        caller_in(tier, std::string_view(tier) == "custom" ? std::optional<std::int64_t>(37) : std::nullopt);

    EXPECT_EQ(admitted_of(*caller, static_cast<int>(limit) + 50), static_cast<int>(limit));
    const auto refused = gate_->admit(*caller, kCall);
    ASSERT_FALSE(refused->is_allowed);
    EXPECT_EQ(refused->shown()->limit, limit);
    EXPECT_LE(refused->retry_after, seconds{60});
    clock_.advance(refused->retry_after - milliseconds{1});
    EXPECT_FALSE(gate_->admit(*caller, kCall)->is_allowed);
    clock_.advance(milliseconds{1});
    EXPECT_TRUE(gate_->admit(*caller, kCall)->is_allowed);
  }
}

TEST_F(TierTest, NoScheduleGetsMoreThanTheLimitInAnyTrailingMinute) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const auto& [tier, limit] : kTiers) {
    SCOPED_TRACE(tier);
    const auto caller =
        caller_in(tier, std::string_view(tier) == "custom" ? std::optional<std::int64_t>(37) : std::nullopt);
    std::deque<UnixMillis> last_minute;
    for (int step = 0; step < 200; ++step) {
      switch (random() % 4) {
        case 0: clock_.advance(milliseconds{59'990 + random() % 20}); break;  // around the window's edge
        case 1: clock_.advance(milliseconds{random() % 90'000}); break;       // idle
        default: clock_.advance(milliseconds{random() % 500}); break;         // steady
      }
      const auto calls = random() % 3 == 0 ? limit + 5 : static_cast<std::uint32_t>(random() % 10);
      for (std::uint32_t i = 0; i < calls; ++i) {
        while (!last_minute.empty() && clock_.now() - last_minute.front() >= seconds{60}) last_minute.pop_front();
        const bool is_allowed = gate_->admit(*caller, kCall)->is_allowed;
        ASSERT_EQ(is_allowed, last_minute.size() < limit) << "step " << step;
        if (is_allowed) last_minute.push_back(clock_.now());
      }
    }
  }
}

// A real clock, four threads and a short window: nothing stands still between two calls.
TEST_F(TierTest, HoldsInRealTimeWithAShortWindow) {
  constexpr std::uint32_t kLimit = 40;
  constexpr milliseconds kWindow{300};
  const SystemClock real;
  limits::MemoryLimiter limiter(real);
  Gate gate({}, *database_, limiter, tiers_, real, ids_);
  tools::Caller caller = *caller_in("free");
  caller.quota = {.tier = "custom", .policies = {{.name = "window", .limit = kLimit, .window = kWindow}}};
  caller.budget = limiter.budget("key_real");
  Guarded<std::vector<std::pair<std::chrono::steady_clock::time_point, std::chrono::steady_clock::time_point>>>
      admitted;
  const auto end = real.steady_now() + milliseconds{1'200};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        while (real.steady_now() < end) {
          const auto before = real.steady_now();
          if (!gate.admit(caller, kCall)->is_allowed) continue;
          const auto after = real.steady_now();
          admitted.with([&](auto& all) { all.emplace_back(before, after); });
        }
      });
    }
  }
  admitted.with([&](auto& all) {
    // Any L+1 calls in a row, by when they began, must have taken the window from the first begin to the last end.
    std::ranges::sort(all, {}, [](const auto& call) { return call.first; });
    EXPECT_GE(all.size(), 3 * kLimit);
    for (std::size_t i = 0; i + kLimit < all.size(); ++i) {
      auto last = all[i].second;
      for (std::size_t j = i; j <= i + kLimit; ++j) last = std::max(last, all[j].second);
      EXPECT_GE(last - all[i].first, kWindow) << i;
    }
  });
}

TEST_F(TierTest, OnlyCallsThatStartAScanSpendTheDay) {
  const auto caller = caller_in("free");
  EXPECT_EQ(admitted_of(*caller, 60), 60);
  clock_.advance(seconds{60});

  EXPECT_EQ(admitted_of(*caller, 60, kScan), 50);
  const auto refused = gate_->admit(*caller, kScan);
  EXPECT_EQ(refused->shown()->name, limits::kScansDay);
  EXPECT_EQ(refused->shown()->limit, 50U);
  EXPECT_GT(refused->retry_after, std::chrono::hours{23});
  EXPECT_TRUE(gate_->admit(*caller, kCall)->is_allowed) << "other calls go on";
}

TEST_F(TierTest, EveryCallShowsBothPoliciesAndTheTightestThatItSpends) {
  const auto caller = caller_in("free");

  const auto call = gate_->admit(*caller, kCall);
  const auto scan = gate_->admit(*caller, kScan);

  ASSERT_EQ(call->states.size(), 2U);
  EXPECT_EQ(call->shown()->name, "minute");
  EXPECT_EQ(scan->shown()->name, limits::kScansDay);
  EXPECT_EQ(scan->shown()->remaining, 49U);
}

TEST_F(TierTest, ACallThatStartedNoScanGivesTheDaysScanBackAndNothingElse) {
  const auto caller = caller_in("free");
  auto decision = gate_->admit(*caller, kScan);

  gate_->settle(*caller, kScan, CallEnd::changed_nothing, *decision);

  EXPECT_EQ(decision->states[0].remaining, 99U);
  EXPECT_EQ(decision->states[1].remaining, 50U);
}

TEST_F(TierTest, ACallThatFailedInsideGivesBackEverything) {
  const auto caller = caller_in("free");
  auto decision = gate_->admit(*caller, kScan);

  gate_->settle(*caller, kScan, CallEnd::failed_inside, *decision);

  EXPECT_EQ(decision->states[0].remaining, 100U);
  EXPECT_EQ(decision->states[1].remaining, 50U);
}

// docs/decisions/0009: what refuses is what is shown.
TEST_F(TierTest, TheDayShownIsTheAccountsWhicheverOfItsKeysStartedTheScans) {
  const auto caller = caller_in("free");
  start_scans(caller->account_id, 3);
  const UnixMillis oldest = clock_.now();
  clock_.advance(std::chrono::hours{1});
  auto decision = gate_->admit(*caller, kScan);
  ASSERT_TRUE(decision->is_allowed);

  gate_->settle(*caller, kScan, CallEnd::served, *decision);

  EXPECT_EQ(decision->states[1].remaining, 47U);
  EXPECT_EQ(decision->states[1].reset_at, oldest + std::chrono::hours{24});
  EXPECT_EQ(decision->shown()->name, limits::kScansDay);
}

TEST_F(TierTest, AScanThatTheStoredDayRefusedShowsThatNothingIsLeftOfIt) {
  const auto caller = caller_in("free");
  start_scans(caller->account_id, 50);
  auto decision = gate_->admit(*caller, kScan);
  ASSERT_TRUE(decision->is_allowed) << "the limiter knows nothing of them";

  gate_->settle(*caller, kScan, CallEnd::changed_nothing, *decision);

  EXPECT_EQ(decision->shown()->name, limits::kScansDay);
  EXPECT_EQ(decision->shown()->remaining, 0U);
  EXPECT_EQ(decision->states[0].remaining, 99U) << "it reached the tool";
}

TEST_F(TierTest, ARefusalByTheDayTellsTheLaterOfTheTwoTimes) {
  const auto caller = caller_in("free");
  ASSERT_EQ(admitted_of(*caller, 50, kScan), 50);
  clock_.advance(std::chrono::hours{1});
  start_scans(caller->account_id, 50);  // by other keys, so not before these are a day old

  const auto refused = gate_->admit(*caller, kScan);

  ASSERT_FALSE(refused->is_allowed);
  EXPECT_EQ(refused->retry_after, std::chrono::hours{24});
  EXPECT_EQ(refused->shown()->reset_at, clock_.now() + std::chrono::hours{24});
}

TEST_F(TierTest, ARefusalNeverTellsMoreThanTheWindow) {
  // A clock between two milliseconds: units count from the next whole one.
  const SystemClock real;
  limits::MemoryLimiter limiter(real);
  Gate gate({}, *database_, limiter, tiers_, real, ids_);
  tools::Caller caller = *caller_in("free");
  for (int i = 0; i < 200; ++i) {
    caller.quota.policies[0].limit = 1;
    caller.budget = limiter.budget("key_" + std::to_string(i));
    ASSERT_TRUE(gate.admit(caller, kCall)->is_allowed);
    ASSERT_LE(gate.admit(caller, kCall)->retry_after, seconds{60});
  }
}

}  // namespace
}  // namespace weir::server::testing

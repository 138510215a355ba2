// What happens to a held call when its key or its account is changed meanwhile, and to what memory remembers of keys.
#include <deque>

#include "base/guarded.h"
#include "server/idle_eviction.h"
#include "server/pacing.h"
#include "tests/support/eventually.h"
#include "tests/unit/gate/gate_fixture.h"

namespace weir::server::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr CallSpec kCall{.name = "list_scans", .cost = 1};

// Runs at once what is posted. Thread-safe.
class InlineExecutor final : public Executor {
 public:
  bool post(std::function<void()> work) override {
    work();
    return true;
  }
};

class HeldKeysTest : public GateFixture {
 protected:
  HeldKeysTest() { gate_->hold_calls(pacing_); }
  ~HeldKeysTest() override { pacing_.stop(); }

  // A key whose minute is spent, and what a held call of it was told.
  CreatedKey spent_key() {
    CreatedKey key = free_key();
    const auto caller = caller_of(key.secret);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(gate_->admit(*caller, kCall)->is_allowed);
    clock_.advance(seconds{35});
    return key;
  }
  std::shared_ptr<tools::PendingCall> hold(const CreatedKey& key) {
    return gate_->admit_or_hold(caller_of(key.secret), kCall, seconds{30},
                                [this](Result<limits::Decision> decision) { answers_.push_back(std::move(decision)); });
  }
  void expect_held() {
    EXPECT_TRUE(answers_.empty());
    EXPECT_EQ(pacing_.held(), 1U);
  }

  TimerQueue timers_;
  InlineExecutor executor_;
  Pacing pacing_{{}, limiter_, clock_, timers_, executor_};
  std::deque<Result<limits::Decision>> answers_;
};

TEST_F(HeldKeysTest, ARevocationThroughThisProcessRefusesTheHeldCallAtOnce) {
  const CreatedKey key = spent_key();
  const auto place = hold(key);
  expect_held();

  ASSERT_TRUE(admin_->revoke_key(key.key.id, "cli"));
  gate_->forget_key(key.key.id);

  ASSERT_EQ(answers_.size(), 1U);
  ASSERT_FALSE(answers_[0]);
  EXPECT_EQ(answers_[0].error().code, ErrorCode::unauthorized);
  EXPECT_NE(answers_[0].error().message.find("was revoked"), std::string::npos);
  EXPECT_EQ(pacing_.held(), 0U);
}

TEST_F(HeldKeysTest, ARevocationElsewhereRefusesTheHeldCallWhenItsSlotComesAndSpendsNothing) {
  const CreatedKey key = spent_key();
  const auto place = hold(key);
  const auto caller = caller_of(key.secret);
  ASSERT_TRUE(admin_->revoke_key(key.key.id, "cli"));
  clock_.advance(seconds{25});

  pacing_.proceed();

  ASSERT_EQ(answers_.size(), 1U);
  ASSERT_FALSE(answers_[0]);
  EXPECT_EQ(answers_[0].error().code, ErrorCode::unauthorized);
  EXPECT_EQ(limiter_.acquire(*caller->budget, caller->quota, 0)->states[0].remaining, 100U);
}

TEST_F(HeldKeysTest, AnExpiryRefusesTheHeldCall) {
  const CreatedKey key = spent_key();
  const auto place = hold(key);
  ASSERT_TRUE(database_->write([&](store::Transaction& transaction) {
    return store::set_key_expiry(transaction, key.key.id, clock_.now() + seconds{10});
  }));
  clock_.advance(seconds{25});

  pacing_.proceed();

  ASSERT_EQ(answers_.size(), 1U);
  ASSERT_FALSE(answers_[0]);
  EXPECT_EQ(answers_[0].error().code, ErrorCode::api_key_expired);
}

TEST_F(HeldKeysTest, AHigherTierAdmitsTheHeldCallAndTheNextOneAtOnce) {
  const CreatedKey key = spent_key();
  const auto place = hold(key);
  expect_held();

  ASSERT_TRUE(admin_->change_tier("acme", "pro", std::nullopt, "cli"));
  gate_->forget_account(key.account.id);

  ASSERT_EQ(answers_.size(), 1U);
  ASSERT_TRUE(answers_[0]);
  EXPECT_TRUE(answers_[0]->is_allowed);
  EXPECT_EQ(answers_[0]->shown()->limit, 1'000U);
  EXPECT_TRUE(gate_->admit(*caller_of(key.secret), kCall)->is_allowed);
}

TEST_F(HeldKeysTest, AHigherTierGivenElsewhereActsWithTheNextCallOfTheKey) {
  const CreatedKey key = spent_key();
  const auto place = hold(key);
  ASSERT_TRUE(admin_->change_tier("acme", "pro", std::nullopt, "cli"));
  clock_.advance(seconds{2});  // the gate believes a key for one

  EXPECT_FALSE(gate_->admit(*caller_of(key.secret), kCall)->is_allowed) << "the held one first";

  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_TRUE(answers_[0] && answers_[0]->is_allowed);
  EXPECT_TRUE(gate_->admit(*caller_of(key.secret), kCall)->is_allowed);
}

TEST_F(HeldKeysTest, OtherKeysAreNotTouched) {
  const CreatedKey key = spent_key();
  const auto place = hold(key);

  gate_->forget_key("key_of_somebody_else");

  expect_held();
}

TEST(IdleEvictionTest, GivesBackWhatIdleKeysHeldWithoutANewcomer) {
  weir::testing::FakeClock clock;
  const auto limiter = std::make_shared<limits::MemoryLimiter>(clock);
  TimerQueue timers;
  InlineExecutor executor;
  const limits::Quota quota{.tier = "free", .policies = {{.limit = 100}}};
  {
    const auto budget = limiter->budget("key_one");
    ASSERT_TRUE(limiter->acquire(*budget, quota, 1));
  }
  ASSERT_EQ(limiter->size(), 1U);
  clock.advance(seconds{61});

  const auto eviction = IdleEviction::start(limiter, timers, executor, milliseconds{1});

  EXPECT_TRUE(weir::testing::eventually([&] { return limiter->size() == 0; }));
  eviction->stop();
  EXPECT_TRUE(weir::testing::eventually([&] { return timers.size() == 0; }));
}

}  // namespace
}  // namespace weir::server::testing

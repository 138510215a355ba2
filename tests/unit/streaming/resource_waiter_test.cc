#include "streaming/resource_waiter.h"

#include "tests/support/eventually.h"
#include "tests/unit/streaming/streaming_fixture.h"

namespace weir::streaming {
namespace {

using std::chrono::milliseconds;
using testing::eventually;

class ResourceWaiterTest : public StreamingTest {
 protected:
  ResourceWaiter::Callbacks callbacks() {
    return {.on_event = [this](const Event&) { ++events_; },
            .on_done =
                [this](ResourceWaiter::Outcome outcome) {
                  outcome_ = outcome;
                  ++done_;
                }};
  }

  std::atomic<int> events_ = 0;
  std::atomic<int> done_ = 0;
  std::atomic<ResourceWaiter::Outcome> outcome_ = ResourceWaiter::Outcome::deadline;
  TimerQueue timers_;
  PoolExecutor executor_;
  ResourceWaiter waiter_{*log_, *hub_, timers_, executor_};
};

TEST_F(ResourceWaiterTest, AWaitEndsWithTheTerminalEvent) {
  const auto wait = waiter_.wait("scn_1", std::chrono::minutes{1}, callbacks());

  append("scn_1", "scan.started");
  append("scn_2", "scan.completed");
  EXPECT_EQ(done_, 0);
  append("scn_1", "scan.completed");

  EXPECT_TRUE(eventually([&] { return done_ == 1; }));
  EXPECT_EQ(outcome_, ResourceWaiter::Outcome::ended);
  EXPECT_EQ(events_, 2);
  EXPECT_EQ(timers_.size(), 0U);
  EXPECT_EQ(hub_->subscriptions(), 0U);
}

TEST_F(ResourceWaiterTest, AWaitForWhatHasEndedEndsAtOnce) {
  append("scn_1", "scan.failed");

  const auto wait = waiter_.wait("scn_1", std::chrono::minutes{1}, callbacks());

  EXPECT_TRUE(eventually([&] { return done_ == 1; }));
  EXPECT_EQ(outcome_, ResourceWaiter::Outcome::ended);
  EXPECT_EQ(timers_.size(), 0U);
}

TEST_F(ResourceWaiterTest, NobodyWaitsOnWhileAPersonIsNeeded) {
  const auto wait = waiter_.wait("run_1", std::chrono::minutes{1}, callbacks());

  append("run_1", "run.requires_action");

  EXPECT_TRUE(eventually([&] { return done_ == 1; }));
  EXPECT_EQ(outcome_, ResourceWaiter::Outcome::needs_person);
  outcome_ = ResourceWaiter::Outcome::ended;
  const auto late = waiter_.wait("run_1", std::chrono::minutes{1}, callbacks());
  EXPECT_TRUE(eventually([&] { return done_ == 2; }));
  EXPECT_EQ(outcome_, ResourceWaiter::Outcome::needs_person);
  append("run_1", "tool_call.approved");
  const auto again = waiter_.wait("run_1", std::chrono::minutes{1}, callbacks());
  append("run_1", "run.completed");
  EXPECT_TRUE(eventually([&] { return done_ == 3; }));
  EXPECT_EQ(outcome_, ResourceWaiter::Outcome::ended);
}

TEST_F(ResourceWaiterTest, AWaitEndsAtItsDeadline) {
  outcome_ = ResourceWaiter::Outcome::ended;
  append("scn_1");

  const auto wait = waiter_.wait("scn_1", milliseconds{10}, callbacks());

  EXPECT_TRUE(eventually([&] { return done_ == 1; }));
  EXPECT_EQ(outcome_, ResourceWaiter::Outcome::deadline);
  append("scn_1", "scan.completed");
  EXPECT_EQ(done_, 1);
}

TEST_F(ResourceWaiterTest, ADroppedWaitCallsNobody) {
  auto wait = waiter_.wait("scn_1", std::chrono::minutes{1}, callbacks());

  wait.reset();
  append("scn_1", "scan.completed");

  EXPECT_EQ(timers_.size(), 0U);
  EXPECT_EQ(hub_->subscriptions(), 0U);
  EXPECT_EQ(events_, 0);
}

TEST_F(ResourceWaiterTest, WaitsThatRaceWithTheEndAllEndOnce) {
  constexpr int kWaits = 40;
  std::vector<std::shared_ptr<Wait>> waits;
  {
    std::jthread publisher([&] {
      for (int i = 0; i < 20; ++i) append("scn_1");
      append("scn_1", "scan.completed");
    });
    for (int i = 0; i < kWaits; ++i) waits.push_back(waiter_.wait("scn_1", std::chrono::minutes{1}, callbacks()));
  }

  EXPECT_TRUE(eventually([&] { return done_ == kWaits; }));
  EXPECT_EQ(outcome_, ResourceWaiter::Outcome::ended);
  EXPECT_EQ(timers_.size(), 0U);
}

}  // namespace
}  // namespace weir::streaming

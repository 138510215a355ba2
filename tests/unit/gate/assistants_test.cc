// Sixty-four assistants that hammer one free key and would each wait half a minute: nobody is overtaken, nobody starves,
// no slot stays unused, and no more are held than configured. Four minutes of the tests' clock.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "limits/memory_limiter.h"
#include "limits/tiers.h"
#include "server/pacing.h"
#include "tests/support/fake_clock.h"

namespace weir::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kAssistants = 64;
constexpr std::size_t kHeldMax = 48;  // fewer than there are assistants, so that the bound is met
constexpr milliseconds kStep{250};
constexpr milliseconds kWait{30'000};
constexpr int kMinutes = 4;

// Not thread-safe: the test runs what was posted.
class QueuedExecutor final : public Executor {
 public:
  bool post(std::function<void()> work) override {
    queue_.push_back(std::move(work));
    return true;
  }
  void run_all() {
    while (!queue_.empty()) {
      const auto work = std::move(queue_.front());
      queue_.pop_front();
      work();
    }
  }

 private:
  std::deque<std::function<void()>> queue_;
};

// One call at a time, over and over. Not thread-safe: owned by the test.
struct Assistant {
  bool is_waiting = false;
  std::shared_ptr<tools::PendingCall> place;
  std::chrono::steady_clock::time_point asked_at{};
  int admitted = 0;
  int refused = 0;
};

class AssistantsTest : public ::testing::Test {
 protected:
  AssistantsTest() : caller_(std::make_shared<tools::Caller>()) {
    caller_->key_id = "key_free";
    caller_->quota = limits::Tiers::defaults().quota_for("free", std::nullopt);
    caller_->budget = limiter_.budget("key_free");
  }
  ~AssistantsTest() override { pacing_.stop(); }

  void ask(Assistant& assistant) {
    assistant.is_waiting = true;
    assistant.asked_at = clock_.steady_now();
    const std::size_t number = asked_++;
    auto place = pacing_.admit({.caller = caller_}, kWait,
                               [this, &assistant, number](Result<limits::Decision> decision) {
                                 if (!decision) return;  // held when the test ended
                                 assistant.is_waiting = false;
                                 EXPECT_LE(clock_.steady_now() - assistant.asked_at, kWait + kStep);
                                 if (!decision->is_allowed) {
                                   ++assistant.refused;
                                   EXPECT_GT(decision->retry_after, milliseconds{0});
                                   return;
                                 }
                                 ++assistant.admitted;
                                 order_.push_back(number);
                                 admitted_at_.push_back(clock_.now());
                               },
                               {});
    assistant.place = std::move(place);
  }
  void let_time_pass() {
    clock_.advance(kStep);
    pacing_.proceed();
    executor_.run_all();
  }

  weir::testing::FakeClock clock_;
  limits::MemoryLimiter limiter_{clock_};
  TimerQueue timers_;
  QueuedExecutor executor_;
  Pacing pacing_{{.held_per_key_max = kHeldMax}, limiter_, clock_, timers_, executor_};
  const std::shared_ptr<tools::Caller> caller_;
  std::vector<Assistant> assistants_{kAssistants};
  std::size_t asked_ = 0;
  std::vector<std::size_t> order_;  // the numbers of the calls, in the order of their admission
  std::vector<UnixMillis> admitted_at_;
};

TEST_F(AssistantsTest, SixtyFourOnOneFreeKeyAreServedInOrderAndNoneStarves) {
  std::size_t most_held = 0;
  for (int step = 0; step + 1 < kMinutes * 60'000 / kStep.count(); ++step) {
    // Another one is first each time, as in life.
    for (std::size_t i = 0; i < kAssistants; ++i) {
      Assistant& assistant = assistants_[(i + static_cast<std::size_t>(step) * 7) % kAssistants];
      if (!assistant.is_waiting) ask(assistant);
    }
    executor_.run_all();
    most_held = std::max(most_held, pacing_.held());
    let_time_pass();
    if (pacing_.held() > 0) {
      ASSERT_EQ(limiter_.acquire(*caller_->budget, caller_->quota, 0)->states[0].remaining, 0U)
          << "a slot stayed unused";
    }
  }

  EXPECT_TRUE(std::ranges::is_sorted(order_)) << "somebody was overtaken";
  EXPECT_EQ(most_held, kHeldMax);
  // All hundred of every minute, and in no trailing minute more.
  EXPECT_EQ(admitted_at_.size(), 100U * kMinutes);
  for (std::size_t i = 0; i + 100 < admitted_at_.size(); ++i)
    EXPECT_GE(admitted_at_[i + 100] - admitted_at_[i], seconds{60});
  for (const Assistant& assistant : assistants_) EXPECT_GE(assistant.admitted, kMinutes / 2);
}

}  // namespace
}  // namespace weir::server

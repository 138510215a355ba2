// Held calls on a clock that the tests move; work runs where it is posted. The real clock is in held_calls_test.cc.
#include "server/pacing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "base/guarded.h"
#include "limits/memory_limiter.h"
#include "tests/support/fake_clock.h"

namespace weir::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Runs what is posted when the test says so. Thread-safe: a timer of 1 ms may fire in real time, too.
class QueuedExecutor final : public Executor {
 public:
  bool post(std::function<void()> work) override {
    queue_.with([&](auto& queue) { queue.push_back(std::move(work)); });
    return true;
  }
  void run_all() {
    while (auto work = next()) work();
  }

 private:
  std::function<void()> next() {
    return queue_.with([](auto& queue) {
      if (queue.empty()) return std::function<void()>();
      auto work = std::move(queue.front());
      queue.pop_front();
      return work;
    });
  }

  Guarded<std::deque<std::function<void()>>> queue_;
};

// One held or decided call. Not thread-safe: owned by a test.
struct Asked {
  std::optional<Result<limits::Decision>> answer;
  std::vector<Place> places;
  std::shared_ptr<tools::PendingCall> place;

  [[nodiscard]] bool is_admitted() const { return answer && *answer && (*answer)->is_allowed; }
  [[nodiscard]] bool is_refused() const { return answer && *answer && !(*answer)->is_allowed; }
  [[nodiscard]] milliseconds retry_after() const { return is_refused() ? (*answer)->retry_after : milliseconds{-1}; }
};

class PacingTest : public ::testing::Test {
 protected:
  std::shared_ptr<const tools::Caller> caller_with(std::uint32_t limit, const std::string& key = "key_one") {
    auto caller = std::make_shared<tools::Caller>();
    caller->key_id = key;
    caller->tier = "free";
    caller->quota = {.tier = "free", .policies = {{.name = "minute", .limit = limit, .window = seconds{10}}}};
    caller->scan_quota = caller->quota;
    caller->scan_quota.policies.push_back(
        {.name = std::string(limits::kScansDay), .limit = 2, .window = std::chrono::hours{24}, .fixed_cost = 1});
    caller->budget = limiter_.budget(key);
    return caller;
  }
  std::shared_ptr<Asked> ask(const std::shared_ptr<const tools::Caller>& caller, milliseconds wait, std::uint32_t cost = 1,
                             limits::CallKind kind = limits::CallKind::any) {
    auto asked = std::make_shared<Asked>();
    const std::size_t number = asked_++;
    asked->place = pacing_.admit(
        {.caller = caller, .kind = kind, .cost = cost}, wait,
        [this, asked = asked.get(), number](Result<limits::Decision> decision) {
          EXPECT_FALSE(asked->answer.has_value()) << "answered twice";
          if (decision && decision->is_allowed) admitted_.push_back(number);
          asked->answer = std::move(decision);
        },
        [asked = asked.get()](const Place& place) { asked->places.push_back(place); });
    return asked;
  }
  void advance(milliseconds by) {
    clock_.advance(by);
    pacing_.proceed();
    executor_.run_all();
  }

  weir::testing::FakeClock clock_;
  limits::MemoryLimiter limiter_{clock_};
  TimerQueue timers_;
  QueuedExecutor executor_;
  std::size_t asked_ = 0;
  std::vector<std::size_t> admitted_;  // numbers, in the order of admission
  Pacing pacing_{{.held_per_key_max = 4, .held_max = 6}, limiter_, clock_, timers_, executor_};
};

TEST_F(PacingTest, AdmitsAtOnceWhatHasASlot) {
  const auto asked = ask(caller_with(1), seconds{5});

  EXPECT_TRUE(asked->is_admitted());
  EXPECT_EQ(asked->place, nullptr);
  EXPECT_EQ(pacing_.held(), 0U);
}

TEST_F(PacingTest, HoldsACallUntilItsSlotFreesAndNotAMillisecondLonger) {
  const auto caller = caller_with(1);
  ask(caller, seconds{0});
  const auto held = ask(caller, seconds{10});
  ASSERT_FALSE(held->answer.has_value());
  EXPECT_EQ(pacing_.held(), 1U);

  advance(milliseconds{9'999});
  EXPECT_FALSE(held->answer.has_value());
  advance(milliseconds{1});

  EXPECT_TRUE(held->is_admitted());
  EXPECT_EQ(pacing_.held(), 0U);
}

TEST_F(PacingTest, RefusesAtOnceWhatCannotComeInTime) {
  const auto caller = caller_with(1);
  ask(caller, seconds{0});
  const auto refused = ask(caller, milliseconds{9'990});

  EXPECT_TRUE(refused->is_refused());
  EXPECT_EQ(refused->retry_after(), seconds{10});
}

TEST_F(PacingTest, CountsThoseQueuedBeforeWhenItSaysWhetherASlotComesInTime) {
  const auto caller = caller_with(2);
  ask(caller, seconds{0});
  clock_.advance(seconds{4});
  ask(caller, seconds{0});
  const auto first = ask(caller, seconds{7});
  ASSERT_FALSE(first->answer.has_value());  // in 6 s

  const auto second = ask(caller, seconds{7});

  EXPECT_TRUE(second->is_refused());
  EXPECT_EQ(second->retry_after(), seconds{10});  // the second slot, not the first one's
}

TEST_F(PacingTest, ProceedsInTheOrderOfArrival) {
  const auto caller = caller_with(2);
  ask(caller, seconds{0});
  clock_.advance(seconds{1});
  ask(caller, seconds{0});
  const auto first = ask(caller, seconds{30});
  const auto second = ask(caller, seconds{30});

  advance(seconds{9});
  EXPECT_TRUE(first->is_admitted());
  EXPECT_FALSE(second->answer.has_value());
  advance(seconds{1});

  EXPECT_TRUE(second->is_admitted());
  EXPECT_EQ(admitted_, (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST_F(PacingTest, ACheapCallDoesNotOvertakeADearOneBeforeIt) {
  const auto caller = caller_with(3);
  ask(caller, seconds{0});
  clock_.advance(seconds{5});
  ask(caller, seconds{0});
  const auto dear = ask(caller, seconds{30}, 3);
  const auto cheap = ask(caller, seconds{30});

  advance(seconds{5});
  EXPECT_FALSE(cheap->answer.has_value());
  advance(seconds{5});

  EXPECT_TRUE(dear->is_admitted());
  EXPECT_FALSE(cheap->answer.has_value());
}

TEST_F(PacingTest, ANewcomerThatDoesNotWaitDoesNotOvertake) {
  const auto caller = caller_with(1);
  ask(caller, seconds{0});
  const auto held = ask(caller, seconds{30});
  clock_.advance(seconds{10});  // the slot is free, the held call has not been told yet

  const auto decision = pacing_.decide(*caller, limits::CallKind::any, 1);

  ASSERT_TRUE(decision);
  EXPECT_FALSE(decision->is_allowed);
  EXPECT_GT(decision->retry_after, seconds{0});
  EXPECT_EQ(decision->shown()->remaining, 0U);
  advance(milliseconds{0});
  EXPECT_TRUE(held->is_admitted());
}

TEST_F(PacingTest, ANewcomersDelayCountsTheQueueInAndIsTrue) {
  const auto caller = caller_with(2);
  ask(caller, seconds{0});
  clock_.advance(seconds{4});
  ask(caller, seconds{0});
  const auto held = ask(caller, seconds{30});

  const auto refused = pacing_.decide(*caller, limits::CallKind::any, 1);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->retry_after, seconds{10});
  advance(refused->retry_after - milliseconds{1});
  EXPECT_TRUE(held->is_admitted());
  EXPECT_FALSE(pacing_.decide(*caller, limits::CallKind::any, 1)->is_allowed);
  advance(milliseconds{1});

  EXPECT_TRUE(pacing_.decide(*caller, limits::CallKind::any, 1)->is_allowed);
}

TEST_F(PacingTest, WhatCostsNothingIsAnsweredWhileCallsAreHeld) {
  const auto caller = caller_with(1);
  ask(caller, seconds{0});
  const auto held = ask(caller, seconds{30});

  EXPECT_TRUE(pacing_.decide(*caller, limits::CallKind::any, 0)->is_allowed);
  EXPECT_TRUE(ask(caller, seconds{0}, 0)->is_admitted());
}

TEST_F(PacingTest, KeysDoNotWaitForEachOther) {
  const auto one = caller_with(1);
  const auto two = caller_with(1, "key_two");
  ask(one, seconds{0});
  const auto held = ask(one, seconds{30});

  EXPECT_TRUE(ask(two, seconds{0})->is_admitted());
}

TEST_F(PacingTest, ADepartedCallGivesItsSlotToTheNext) {
  const auto caller = caller_with(1);
  ask(caller, seconds{0});
  const auto gone = ask(caller, seconds{30});
  const auto next = ask(caller, seconds{30});
  ASSERT_FALSE(next->answer.has_value());

  gone->place.reset();
  EXPECT_EQ(pacing_.held(), 1U);
  advance(seconds{10});

  EXPECT_FALSE(gone->answer.has_value());
  EXPECT_TRUE(next->is_admitted());
}

TEST_F(PacingTest, RefusesBeyondTheBoundOfAKey) {
  const auto caller = caller_with(10);
  for (int i = 0; i < 10; ++i) ask(caller, seconds{0});
  std::vector<std::shared_ptr<Asked>> held;
  for (int i = 0; i < 4; ++i) held.push_back(ask(caller, seconds{30}));
  ASSERT_EQ(pacing_.held(), 4U);

  EXPECT_TRUE(ask(caller, seconds{30})->is_refused());
}

TEST_F(PacingTest, RefusesBeyondTheBoundOfAllKeys) {
  std::vector<std::shared_ptr<Asked>> held;
  for (const char* key : {"a", "b"}) {
    const auto caller = caller_with(10, key);
    for (int i = 0; i < 10; ++i) ask(caller, seconds{0});
    for (int i = 0; i < 3; ++i) held.push_back(ask(caller, seconds{30}));
  }
  ASSERT_EQ(pacing_.held(), 6U);
  const auto third = caller_with(1, "c");
  ask(third, seconds{0});

  EXPECT_TRUE(ask(third, seconds{30})->is_refused());
}

TEST_F(PacingTest, GrantsNoMoreThanTheServersLongestWait) {
  auto caller = std::make_shared<tools::Caller>(*caller_with(1));
  caller->quota.policies[0].window = seconds{60};
  ask(caller, seconds{0});

  const auto refused = ask(caller, seconds{3'600});

  EXPECT_TRUE(refused->is_refused());
  EXPECT_EQ(refused->retry_after(), seconds{60});
}

TEST_F(PacingTest, RefusesAHeldCallAsSoonAsItsSlotIsLostToAnother) {
  const auto caller = caller_with(1);
  ask(caller, seconds{0});
  const auto held = ask(caller, seconds{12});
  clock_.advance(seconds{10});
  // As another node would: past the queue.
  ASSERT_TRUE(limiter_.acquire(*caller->budget, caller->quota, 1)->is_allowed);

  advance(milliseconds{0});

  EXPECT_TRUE(held->is_refused());
  EXPECT_EQ(held->retry_after(), seconds{10});
}

TEST_F(PacingTest, HoldsACallThatIsEarlyByTheLimitersRoundingAskedOrNot) {
  const auto caller = caller_with(1);
  ask(caller, seconds{0});
  clock_.advance(milliseconds{9'999});

  const auto early = ask(caller, seconds{0});
  EXPECT_FALSE(early->answer.has_value());
  advance(milliseconds{1});

  EXPECT_TRUE(early->is_admitted());
}

TEST_F(PacingTest, RefusesAScanBeyondTheDaysQuotaAtOnce) {
  const auto caller = caller_with(100);
  ask(caller, seconds{0}, 1, limits::CallKind::scan);
  ask(caller, seconds{0}, 1, limits::CallKind::scan);

  const auto third = ask(caller, seconds{30}, 1, limits::CallKind::scan);

  EXPECT_TRUE(third->is_refused());
  EXPECT_EQ((*third->answer)->shown()->name, limits::kScansDay);
  EXPECT_EQ(third->retry_after(), std::chrono::hours{24});
}

TEST_F(PacingTest, TellsItsPlaceWhenItJoinsAndWhenItMoves) {
  const auto caller = caller_with(2);
  ask(caller, seconds{0});
  clock_.advance(seconds{1});
  ask(caller, seconds{0});
  const auto first = ask(caller, seconds{30});
  const auto second = ask(caller, seconds{30});
  ASSERT_FALSE(second->places.empty());
  EXPECT_EQ(second->places.back().ahead, 1U);

  advance(seconds{9});

  EXPECT_EQ(second->places.back().ahead, 0U);
}

TEST_F(PacingTest, StoppingAnswersWhatIsHeldAndHoldsNothingMore) {
  const auto caller = caller_with(1);
  ask(caller, seconds{0});
  const auto held = ask(caller, seconds{30});

  pacing_.stop();

  ASSERT_TRUE(held->answer.has_value());
  EXPECT_EQ(held->answer->error().code, ErrorCode::unavailable);
  EXPECT_TRUE(ask(caller, seconds{30})->is_refused());
}

// Decides when the test says so, as a limiter across a network does. Not thread-safe: owned by a test.
class LateLimiter final : public limits::RateLimiter {
 public:
  explicit LateLimiter(limits::RateLimiter& inner) : inner_(inner) {}
  std::shared_ptr<limits::KeyBudget> budget(std::string_view key_id) override { return inner_.budget(key_id); }
  Result<limits::Decision> acquire(limits::KeyBudget& budget, const limits::Quota& quota, std::uint32_t cost) override {
    return inner_.acquire(budget, quota, cost);
  }
  std::optional<Result<limits::Decision>> acquire_or_call(const std::shared_ptr<limits::KeyBudget>& budget,
                                                          const limits::Quota& quota, std::uint32_t cost,
                                                          Decided decided) override {
    under_way_.push_back([this, budget, quota, cost, decided] { decided(inner_.acquire(*budget, quota, cost)); });
    return std::nullopt;
  }
  void refund(limits::KeyBudget& budget, const limits::Quota& quota, const limits::Decision& decision,
              std::uint32_t cost) override {
    inner_.refund(budget, quota, decision, cost);
  }
  void answer_all() {
    for (auto& answer : std::exchange(under_way_, {})) answer();
  }

 private:
  limits::RateLimiter& inner_;
  std::vector<std::function<void()>> under_way_;
};

class LatePacingTest : public PacingTest {
 protected:
  std::shared_ptr<Asked> ask_late(const std::shared_ptr<const tools::Caller>& caller, milliseconds wait) {
    auto asked = std::make_shared<Asked>();
    asked->place = pacing_late_->admit({.caller = caller}, wait, [answer = answers_.emplace_back(asked)](Result<limits::Decision> decision) {
      EXPECT_FALSE(answer->answer.has_value()) << "answered twice";
      answer->answer = std::move(decision);
    }, {});
    return asked;
  }
  void answer() {
    late_.answer_all();
    executor_.run_all();
  }

  LateLimiter late_{limiter_};
  std::vector<std::shared_ptr<Asked>> answers_;  // until the end, whoever waits for them
  std::optional<Pacing> pacing_late_{std::in_place, PacingSettings{.held_per_key_max = 4, .held_max = 6}, late_, clock_,
                                     timers_, executor_};
};

TEST_F(LatePacingTest, AnswersOnTheExecutorOnceTheLimiterHasDecided) {
  const auto caller = caller_with(1);
  const auto admitted = ask_late(caller, seconds{0});
  const auto refused = ask_late(caller, seconds{0});
  EXPECT_NE(admitted->place, nullptr);
  EXPECT_FALSE(admitted->answer.has_value());

  late_.answer_all();
  EXPECT_FALSE(admitted->answer.has_value()) << "the limiter's thread must not serve calls";
  executor_.run_all();

  EXPECT_TRUE(admitted->is_admitted());
  EXPECT_TRUE(refused->is_refused());
}

TEST_F(LatePacingTest, HoldsARefusedCallThatWouldRatherWait) {
  const auto caller = caller_with(1);
  ask_late(caller, seconds{0});
  const auto held = ask_late(caller, seconds{20});
  answer();
  ASSERT_FALSE(held->answer.has_value());
  EXPECT_EQ(pacing_late_->held(), 1U);

  clock_.advance(seconds{10});
  pacing_late_->proceed();
  executor_.run_all();

  EXPECT_TRUE(held->is_admitted());
}

TEST_F(LatePacingTest, ACallThatLeavesWhileItIsDecidedTakesNoPlace) {
  const auto caller = caller_with(1);
  ask_late(caller, seconds{0});
  const auto left = ask_late(caller, seconds{20});

  left->place.reset();
  answer();

  EXPECT_EQ(pacing_late_->held(), 0U);
}

TEST_F(LatePacingTest, ADecisionAfterTheEndFindsNobody) {
  const auto asked = ask_late(caller_with(1), seconds{0});

  pacing_late_.reset();
  answer();

  EXPECT_FALSE(asked->answer.has_value());
}

// Many callers of one key, in bursts: everybody who was held is admitted in time and in order, and nobody loses a slot.
TEST_F(PacingTest, AdmitsEveryHeldCallInOrderAndNeverMoreThanTheLimit) {
  const auto caller = caller_with(3);
  std::vector<std::shared_ptr<Asked>> held;
  std::vector<std::pair<std::int64_t, std::size_t>> spent;  // when, how many
  for (int step = 0; step < 600; ++step) {
    const std::size_t before = admitted_.size();
    if (step % 7 != 3) held.push_back(ask(caller, seconds{step % 31}));
    advance(milliseconds{100});
    spent.emplace_back(to_unix_ms(clock_.now()), admitted_.size() - before);
  }
  advance(seconds{30});

  EXPECT_TRUE(std::ranges::is_sorted(admitted_));
  for (const auto& asked : held) EXPECT_TRUE(asked->answer.has_value());
  // A step's calls were admitted within its 100 ms, hence the shorter window.
  for (std::size_t end = 0; end < spent.size(); ++end) {
    std::size_t total = 0;
    for (const auto& [at, count] : spent) {
      if (at > spent[end].first - 9'900 && at <= spent[end].first) total += count;
    }
    EXPECT_LE(total, 3U);
  }
  EXPECT_GE(admitted_.size(), 18U);  // three in each of the minute's six windows
}

}  // namespace
}  // namespace weir::server

// Held calls on a clock that the tests move; work runs where it is posted. The real clock is in held_calls_test.cc.
#include "tests/unit/gate/pacing_fixture.h"

namespace weir::server::testing {
namespace {

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
}  // namespace weir::server::testing

#include "base/timer_queue.h"

#include <latch>

#include "base/guarded.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(TimerQueueTest, CallsInTheOrderOfTheDeadlines) {
  Guarded<std::vector<int>> order;
  std::latch done(3);
  TimerQueue timers;
  const auto start = steady_clock::now();
  for (const int i : {3, 1, 2}) {
    timers.at(start + milliseconds{i * 10}, [&, i] {
      order.with([&](auto& list) { list.push_back(i); });
      done.count_down();
    });
  }

  done.wait();

  EXPECT_EQ(order.with([](auto& list) { return list; }), (std::vector<int>{1, 2, 3}));
  EXPECT_GE(steady_clock::now() - start, milliseconds{30});
}

TEST(TimerQueueTest, ACancelledCallDoesNotRun) {
  std::atomic<bool> ran{false};
  std::latch later(1);
  TimerQueue timers;
  const auto start = steady_clock::now();
  const TimerQueue::Id id = timers.at(start + milliseconds{20}, [&] { ran = true; });
  timers.at(start + milliseconds{30}, [&] { later.count_down(); });

  EXPECT_TRUE(timers.cancel(id));
  later.wait();

  EXPECT_FALSE(ran);
  EXPECT_FALSE(timers.cancel(id));
}

TEST(TimerQueueTest, ACallbackMaySetAnother) {
  std::latch second(1);
  TimerQueue timers;
  timers.at(steady_clock::now(), [&] { timers.at(steady_clock::now(), [&] { second.count_down(); }); });

  second.wait();

  EXPECT_EQ(timers.size(), 0U);
}

TEST(TimerQueueTest, AnEarlierDeadlineOvertakesAWaitingOne) {
  std::latch early(1);
  TimerQueue timers;
  timers.at(steady_clock::now() + std::chrono::hours{1}, [] {});

  timers.at(steady_clock::now() + milliseconds{1}, [&] { early.count_down(); });

  early.wait();
  EXPECT_EQ(timers.size(), 1U);
}

TEST(TimerQueueTest, StopsWithCallsStillWaiting) {
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = alive;
  {
    TimerQueue timers;
    timers.at(steady_clock::now() + std::chrono::hours{1}, [kept = std::move(alive)] {});
  }

  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace weir

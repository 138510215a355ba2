#include "base/bounded_queue.h"

namespace weir {
namespace {

TEST(BoundedQueueTest, RefusesWhenFullAndLeavesTheItemAlone) {
  BoundedQueue<std::string> queue(1);
  ASSERT_TRUE(queue.push("first"));
  std::string second = "second";

  EXPECT_FALSE(queue.push(std::move(second)));

  EXPECT_EQ(second, "second");
  EXPECT_EQ(queue.size(), 1U);
}

TEST(BoundedQueueTest, GivesItemsBackInOrder) {
  BoundedQueue<int> queue(3);
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(queue.push(std::move(i)));

  EXPECT_EQ(queue.try_pop(), 1);
  EXPECT_EQ(queue.try_pop(), 2);
  EXPECT_EQ(queue.try_pop(), 3);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueueTest, WakesAWaiterWhenAnItemArrives) {
  BoundedQueue<int> queue(1);
  std::optional<int> received;
  std::jthread reader([&](const std::stop_token& stop) { received = queue.pop(stop); });

  ASSERT_TRUE(queue.push(7));
  reader.join();

  EXPECT_EQ(received, 7);
}

TEST(BoundedQueueTest, WakesAWaiterWhenItIsStopped) {
  BoundedQueue<int> queue(1);
  std::optional<int> received = 1;
  std::jthread reader([&](const std::stop_token& stop) { received = queue.pop(stop); });

  reader.request_stop();
  reader.join();

  EXPECT_EQ(received, std::nullopt);
}

TEST(BoundedQueueTest, GivesUpAtTheDeadline) {
  BoundedQueue<int> queue(1);

  EXPECT_EQ(queue.pop_until({}, std::chrono::steady_clock::now()), std::nullopt);
}

TEST(BoundedQueueTest, LosesNothingBetweenManyWritersAndReaders) {
  BoundedQueue<int> queue(16);
  constexpr int kEach = 2'000;
  std::atomic<std::int64_t> sum{0};
  std::atomic<int> count{0};
  {
    std::vector<std::jthread> readers;
    for (int r = 0; r < 3; ++r) {
      readers.emplace_back([&](const std::stop_token& stop) {
        while (const auto item = queue.pop(stop)) {
          sum += *item;
          ++count;
        }
      });
    }
    std::vector<std::jthread> writers;
    for (int w = 0; w < 3; ++w) {
      writers.emplace_back([&] {
        for (int i = 1; i <= kEach; ++i) {
          int item = i;
          while (!queue.push(std::move(item))) std::this_thread::yield();
        }
      });
    }
    writers.clear();
    while (count < 3 * kEach) std::this_thread::yield();
  }

  EXPECT_EQ(sum, 3LL * kEach * (kEach + 1) / 2);
}

}  // namespace
}  // namespace weir

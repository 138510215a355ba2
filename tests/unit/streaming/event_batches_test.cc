#include <deque>

#include "streaming/event_hub.h"
#include "tests/support/eventually.h"

namespace weir::streaming {
namespace {

Published published(std::int64_t seq, const std::string& resource = "scn_1") {
  auto event = std::make_shared<Event>();
  event->resource_id = resource;
  event->account_id = "acc_1";
  event->seq = seq;
  return {.event = std::move(event), .frame = std::make_shared<const std::string>("frame")};
}

// Runs nothing before it is told to. Not thread-safe.
class LaterExecutor final : public Executor {
 public:
  bool post(std::function<void()> work) override {
    if (is_refusing) return false;
    works.push_back(std::move(work));
    return true;
  }
  void run() {
    while (!works.empty()) {
      auto work = std::move(works.front());
      works.pop_front();
      work();
    }
  }

  bool is_refusing = false;
  std::deque<std::function<void()>> works;
};

// Keeps the batches. Not thread-safe.
class Recorder final : public BatchReceiver {
 public:
  void receive(const std::vector<Published>& batch) override {
    batches.emplace_back();
    for (const Published& one : batch) batches.back().push_back(one.event->seq);
    if (on_receive) on_receive();
  }

  std::vector<std::vector<std::int64_t>> batches;
  std::function<void()> on_receive;
};

using Batches = std::vector<std::vector<std::int64_t>>;
const Feed kScan{Feed::Kind::resource, "scn_1"};
const Feed kAccount{Feed::Kind::account, "acc_1"};

class EventBatchesTest : public ::testing::Test {
 protected:
  LaterExecutor executor_;
  std::unique_ptr<EventHub> hub_ = EventHub::create(executor_);
  std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
};

TEST_F(EventBatchesTest, WhatIsPublishedBeforeARoundIsOneBatch) {
  const auto subscription = hub_->join(kScan, recorder_);

  for (std::int64_t seq = 1; seq <= 3; ++seq) hub_->publish(published(seq));
  EXPECT_THAT(recorder_->batches, ::testing::IsEmpty()) << "the publisher does not wait for readers";
  EXPECT_EQ(executor_.works.size(), 1U);
  executor_.run();
  hub_->publish(published(4));
  executor_.run();

  EXPECT_EQ(recorder_->batches, (Batches{{1, 2, 3}, {4}}));
}

TEST_F(EventBatchesTest, WhatIsPublishedDuringARoundFollowsIt) {
  const auto subscription = hub_->join(kScan, recorder_);
  std::int64_t next = 2;
  recorder_->on_receive = [&] {
    if (next <= 20) hub_->publish(published(next++));
  };

  hub_->publish(published(1));
  executor_.run();

  ASSERT_EQ(recorder_->batches.size(), 20U);
  EXPECT_EQ(recorder_->batches.back(), (std::vector<std::int64_t>{20}));
}

TEST_F(EventBatchesTest, AFeedIsAResourceOrAnAccount) {
  const auto whole = std::make_shared<Recorder>();
  const auto a = hub_->join(kScan, recorder_);
  const auto b = hub_->join(kAccount, whole);

  hub_->publish(published(1));
  hub_->publish(published(1, "scn_2"));
  executor_.run();

  EXPECT_EQ(recorder_->batches, (Batches{{1}}));
  EXPECT_EQ(whole->batches, (Batches{{1, 1}}));
  EXPECT_EQ(hub_->subscriptions(), 2U);
}

TEST_F(EventBatchesTest, TheOldestOfTooManyAreDropped) {
  const auto subscription = hub_->join(kScan, recorder_);
  const auto count = static_cast<std::int64_t>(EventHub::kGatheredMax) + 1;

  for (std::int64_t seq = 1; seq <= count; ++seq) hub_->publish(published(seq));
  executor_.run();

  ASSERT_EQ(recorder_->batches.size(), 1U);
  EXPECT_LE(recorder_->batches[0].size(), EventHub::kGatheredMax);
  EXPECT_EQ(recorder_->batches[0].back(), count) << "the newest tells the readers that others are missing";
}

TEST_F(EventBatchesTest, WhoeverHasLeftReceivesNothing) {
  const auto staying = std::make_shared<Recorder>();
  auto leaving = hub_->join(kScan, recorder_);
  const auto subscription = hub_->join(kScan, staying);

  leaving.reset();
  hub_->publish(published(1));
  executor_.run();

  EXPECT_THAT(recorder_->batches, ::testing::IsEmpty());
  EXPECT_EQ(staying->batches, (Batches{{1}}));
  EXPECT_EQ(hub_->subscriptions(), 1U);
}

TEST_F(EventBatchesTest, AReceiverMayEndItsOwnSubscriptionAndThatOfAnother) {
  auto other = std::make_shared<Recorder>();
  auto a = hub_->join(kScan, recorder_);
  auto b = hub_->join(kScan, other);
  recorder_->on_receive = [&] {
    a.reset();
    b.reset();
    other.reset();
  };

  hub_->publish(published(1));
  executor_.run();
  hub_->publish(published(2));
  executor_.run();

  EXPECT_EQ(recorder_->batches, (Batches{{1}}));
  EXPECT_EQ(hub_->subscriptions(), 0U);
}

TEST_F(EventBatchesTest, AnExecutorThatRefusesLeavesTheRoundToThePublisher) {
  const auto subscription = hub_->join(kScan, recorder_);
  executor_.is_refusing = true;

  hub_->publish(published(1));
  hub_->publish(published(2));

  EXPECT_EQ(recorder_->batches, (Batches{{1}, {2}}));
}

TEST_F(EventBatchesTest, FramesAreOnlyMadeForSomebody) {
  int encoded = 0;
  const auto publish = [&](const std::string& resource) {
    hub_->publish(published(1, resource).event, [&](std::shared_ptr<const Event> event) {
      ++encoded;
      return Published{.event = std::move(event), .frame = nullptr};
    });
  };

  publish("scn_1");
  EXPECT_EQ(encoded, 0);
  const auto subscription = hub_->join(kScan, recorder_);
  publish("scn_1");
  publish("scn_2");
  EXPECT_EQ(encoded, 1);
}

TEST_F(EventBatchesTest, ASubscriptionMayOutliveTheHub) {
  const auto subscription = hub_->join(kScan, recorder_);

  hub_.reset();

  EXPECT_NE(subscription, nullptr);
}

TEST_F(EventBatchesTest, ReadersComeAndGoWhileRoundsRun) {
  class Counter final : public BatchReceiver {
   public:
    void receive(const std::vector<Published>& batch) override { count += std::ssize(batch); }
    std::atomic<std::int64_t> count = 0;
  };
  const auto hub = EventHub::create();
  const auto lasting = std::make_shared<Counter>();
  const auto always = hub->join(kScan, lasting);
  {
    std::jthread publisher([&] {
      for (std::int64_t seq = 1; seq <= 5'000; ++seq) hub->publish(published(seq));
    });
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        for (int n = 0; n < 500; ++n) {
          const auto own = std::make_shared<Counter>();
          const auto subscription = hub->join(kScan, own);
        }
      });
    }
  }

  EXPECT_EQ(lasting->count, 5'000);
  EXPECT_EQ(hub->subscriptions(), 1U);
}

}  // namespace
}  // namespace weir::streaming

#include "streaming/event_hub.h"

#include <set>

#include "tests/support/eventually.h"

namespace weir::streaming {
namespace {

Published published(const std::string& resource, std::int64_t seq, const std::string& account = "acc_1") {
  auto event = std::make_shared<Event>();
  event->resource_id = resource;
  event->account_id = account;
  event->seq = seq;
  return {.event = std::move(event), .frame = std::make_shared<const std::string>("frame")};
}

TEST(EventHubTest, OnlySubscribersOfTheResourceOrItsAccountReceive) {
  const auto hub = EventHub::create();
  std::vector<std::int64_t> one, other, account, foreign;
  const auto a = hub->subscribe("scn_1", [&](const Published& p) { one.push_back(p.event->seq); });
  const auto b = hub->subscribe("scn_2", [&](const Published& p) { other.push_back(p.event->seq); });
  const auto c = hub->subscribe_account("acc_1", [&](const Published& p) { account.push_back(p.event->seq); });
  const auto d = hub->subscribe_account("acc_2", [&](const Published& p) { foreign.push_back(p.event->seq); });

  hub->publish(published("scn_1", 1));
  hub->publish(published("scn_1", 2));
  hub->publish(published("scn_2", 1));

  EXPECT_EQ(one, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(other, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(account, (std::vector<std::int64_t>{1, 2, 1}));
  EXPECT_THAT(foreign, ::testing::IsEmpty());
  EXPECT_EQ(hub->subscriptions(), 4U);
}

TEST(EventHubTest, TheFrameIsSharedAndNotCopied) {
  const auto hub = EventHub::create();
  std::set<const std::string*> frames;
  const auto a = hub->subscribe("scn_1", [&](const Published& p) { frames.insert(p.frame.get()); });
  const auto b = hub->subscribe("scn_1", [&](const Published& p) { frames.insert(p.frame.get()); });
  const Published sent = published("scn_1", 1);

  hub->publish(sent);

  EXPECT_EQ(frames, (std::set<const std::string*>{sent.frame.get()}));
}

TEST(EventHubTest, AReceiverMayEndItsOwnSubscriptionAndThoseOfOthers) {
  const auto hub = EventHub::create();
  int first = 0, second = 0;
  std::shared_ptr<Subscription> a, b;
  a = hub->subscribe("scn_1", [&](const Published&) {
    ++first;
    a.reset();
    b.reset();
  });
  b = hub->subscribe("scn_1", [&](const Published&) { ++second; });

  hub->publish(published("scn_1", 1));
  hub->publish(published("scn_1", 2));

  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
  EXPECT_EQ(hub->subscriptions(), 0U);
}

TEST(EventHubTest, ASubscriptionMayOutliveTheHub) {
  auto hub = EventHub::create();
  const auto subscription = hub->subscribe("scn_1", [](const Published&) {});

  hub.reset();

  EXPECT_NE(subscription, nullptr);
}

TEST(EventHubTest, SubscribersComeAndGoWhileOthersPublish) {
  const auto hub = EventHub::create();
  std::atomic<std::int64_t> received = 0;
  const auto lasting = std::make_shared<std::atomic<std::int64_t>>(0);
  const auto always = hub->subscribe("scn_1", [lasting](const Published&) { ++*lasting; });
  {
    std::jthread publisher([&] {
      for (std::int64_t seq = 1; seq <= 5'000; ++seq) hub->publish(published("scn_1", seq));
    });
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        for (int n = 0; n < 500; ++n) {
          const auto own = std::make_shared<std::atomic<int>>(0);
          const auto subscription = hub->subscribe("scn_1", [own, &received](const Published&) {
            ++*own;
            ++received;
          });
        }
      });
    }
  }

  EXPECT_EQ(*lasting, 5'000);
  EXPECT_EQ(hub->subscriptions(), 1U);
}

}  // namespace
}  // namespace weir::streaming

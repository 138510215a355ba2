#include "streaming/event_retention.h"

#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/streaming/streaming_fixture.h"

namespace weir::streaming {
namespace {

using testing::eventually;

class EventRetentionTest : public StreamingTest {
 protected:
  static constexpr std::chrono::hours kLong{24 * 365};

  std::shared_ptr<EventRetention> retention(std::chrono::hours keep, std::int64_t per_resource) {
    return EventRetention::create({.keep = keep, .per_resource = per_resource, .between = std::chrono::milliseconds{1}},
                                  *database_, later_);
  }
  std::int64_t trim_all(EventRetention& retention) {
    std::int64_t trimmed = 0;
    for (int slice = 0; slice < 10; ++slice) trimmed += *retention.trim_some();
    return trimmed;
  }
  std::int64_t first_of(const std::string& resource) { return log_->range(resource)->first; }

  testing::FakeClock later_{clock_.now()};
};

TEST_F(EventRetentionTest, WhatIsTooOldGoesAndTheNewestStays) {
  for (int i = 0; i < 5; ++i) append("scn_1");
  append("scn_2");
  const auto retention = this->retention(std::chrono::hours{24}, 1'000);

  EXPECT_EQ(trim_all(*retention), 0);
  later_.advance(std::chrono::hours{25});
  EXPECT_EQ(trim_all(*retention), 4);

  EXPECT_EQ(first_of("scn_1"), 5);
  EXPECT_EQ(first_of("scn_2"), 1) << "the only event is the newest";
  EXPECT_EQ(trim_all(*retention), 0);
}

TEST_F(EventRetentionTest, BeyondTheCountTheOldestGo) {
  for (int i = 0; i < 30; ++i) append("scn_1");
  for (int i = 0; i < 10; ++i) append("scn_2");

  EXPECT_EQ(trim_all(*retention(kLong, 10)), 20);

  EXPECT_EQ(first_of("scn_1"), 21);
  EXPECT_EQ(first_of("scn_2"), 1);
}

TEST_F(EventRetentionTest, PiecesOfMessagesLoseTheirTextAfterADayAndKeepTheirPlace) {
  for (const char* type : {"run.started", "message.delta", "message.delta", "message.completed", "run.completed"}) {
    ASSERT_TRUE(database_->write([&](store::Transaction& t) -> Result<void> {
      auto event = log_->append(t, {.account_id = "acc_1",
                                    .resource_type = "run",
                                    .resource_id = "run_1",
                                    .type = type,
                                    .data = {{"kind", "text"}, {"text", "piece"}}});
      if (!event) return event.error();
      return {};
    }));
  }
  const auto retention = this->retention(std::chrono::hours{24 * 30}, 1'000);

  (void)trim_all(*retention);
  EXPECT_EQ(log_->read_after("run_1", 1, 1)->at(0).data.value("text", ""), "piece");
  later_.advance(std::chrono::hours{25});
  EXPECT_EQ(trim_all(*retention), 0);

  const auto events = *log_->read_after("run_1", 0, 10);
  ASSERT_EQ(events.size(), 5U);
  EXPECT_EQ(events[1].data, (Json{{"is_trimmed", true}}));
  EXPECT_EQ(events[2].data, (Json{{"is_trimmed", true}}));
  EXPECT_EQ(events[3].data.value("text", ""), "piece");
  EXPECT_EQ(events[2].seq, 3);
}

TEST_F(EventRetentionTest, TheAccountRemembersUpToWhereItHasHoles) {
  for (int i = 0; i < 3; ++i) {
    append("scn_1");
    append("scn_2");
  }

  trim("scn_1", 2);

  const EventPage page = *log_->read({Feed::Kind::account, "acc_1"}, 0, 10);
  EXPECT_EQ(page.trimmed_through, 3);
  EXPECT_EQ(page.events.size(), 4U);
  EXPECT_EQ(page.events[0].account_seq, 2);
}

TEST_F(EventRetentionTest, ASliceIsSmallAndTheNextOneGoesOn) {
  const int resources = static_cast<int>(EventRetention::kResourcesPerSlice) + 20;
  for (int i = 0; i < resources; ++i) {
    const std::string resource = "scn_" + std::to_string(1'000 + i);
    append(resource);
    append(resource);
  }
  const auto retention = this->retention(kLong, 1);

  EXPECT_EQ(*retention->trim_some(), EventRetention::kResourcesPerSlice);
  EXPECT_EQ(*retention->trim_some(), 20);
  EXPECT_EQ(*retention->trim_some(), 0) << "from the first one again";
}

TEST_F(EventRetentionTest, SlicesRunByThemselvesUntilItIsStopped) {
  PoolExecutor executor;
  TimerQueue timers;
  for (int i = 0; i < 30; ++i) append("scn_1");
  const auto retention = this->retention(kLong, 10);

  retention->start(timers, executor);
  EXPECT_TRUE(eventually([&] { return first_of("scn_1") == 21; }));
  for (int i = 0; i < 5; ++i) append("scn_1");
  EXPECT_TRUE(eventually([&] { return first_of("scn_1") == 26; }));
  retention->stop();
}

}  // namespace
}  // namespace weir::streaming

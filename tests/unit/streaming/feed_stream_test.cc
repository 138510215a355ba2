// Streams of accounts, filters, and readers who take their time. Streams of one resource: event_stream_test.cc.
#include "tests/support/eventually.h"
#include "tests/unit/streaming/recording_sink.h"
#include "tests/unit/streaming/streaming_fixture.h"

namespace weir::streaming {
namespace {

using testing::eventually;

class FeedStreamTest : public StreamingTest {
 protected:
  struct Reader {
    std::shared_ptr<RecordingSink> sink;
    std::shared_ptr<EventStream> stream;
  };
  Reader open(Feed feed, std::optional<std::string> position = std::nullopt, EventFilter filter = {},
              bool is_busy = false) {
    Reader reader{std::make_shared<RecordingSink>(), nullptr};
    reader.sink->is_busy = is_busy;
    auto opened = EventStream::open(*log_, *hub_, executor_,
                                    {.feed = std::move(feed),
                                     .position = std::move(position),
                                     .snapshot = std::nullopt,
                                     .filter = std::move(filter)},
                                    reader.sink);
    if (!opened) throw std::runtime_error(opened.error().message);
    reader.stream = std::move(*opened);
    return reader;
  }
  static bool sees(const Reader& reader, const std::string& expected) {
    const bool is_seen = eventually([&] { return reader.sink->seen() == expected; });
    if (!is_seen) ADD_FAILURE() << "saw " << reader.sink->seen();
    return is_seen;
  }

  const Feed account_{Feed::Kind::account, "acc_1"};
  PoolExecutor executor_;
};

TEST_F(FeedStreamTest, AnAccountsStreamHasEveryResourceAndDoesNotEnd) {
  append("scn_1");
  append("scn_2", "scan.completed");
  const Reader reader = open(account_, "0");
  ASSERT_TRUE(sees(reader, "a1 a2"));

  append("scn_1", "scan.completed");
  append("scn_3");

  EXPECT_TRUE(sees(reader, "a1 a2 a3 a4"));
  EXPECT_FALSE(reader.stream->is_closed());
}

TEST_F(FeedStreamTest, AnAccountsStreamResumesByItsOwnIds) {
  for (int i = 0; i < 4; ++i) append("scn_" + std::to_string(i));

  EXPECT_TRUE(sees(open(account_, log_->position_text(Feed::Kind::account, 2)), "a3 a4"));
  EXPECT_TRUE(sees(open(account_, log_->position_text(Feed::Kind::resource, 2)), "gap a1 a2 a3 a4"))
      << "the position of a resource is none in the account";
}

TEST_F(FeedStreamTest, AFilterPassesOverTheRestWithoutAGap) {
  append("scn_1", "scan.started");
  append("scn_1", "finding.new");
  const Reader live_and_old = open(account_, "0", {.types = {"finding.*"}, .resource_id = ""});
  ASSERT_TRUE(sees(live_and_old, "a2"));
  const Reader of_one = open(account_, "0", {.types = {}, .resource_id = "scn_2"});

  append("scn_2", "scan.progress");
  append("scn_2", "finding.new");
  append("scn_1", "scan.completed");

  EXPECT_TRUE(sees(live_and_old, "a2 a4"));
  EXPECT_TRUE(sees(of_one, "a3 a4"));
}

TEST_F(FeedStreamTest, AStreamOfAResourceEndsWithItEvenIfTheFilterLeavesTheEndOut) {
  append("scn_1", "finding.new");
  const Reader reader = open({Feed::Kind::resource, "scn_1"}, "0", {.types = {"finding.*"}, .resource_id = ""});
  ASSERT_TRUE(sees(reader, "1"));

  append("scn_1", "scan.completed");

  EXPECT_TRUE(eventually([&] { return reader.stream->is_closed(); }));
  EXPECT_EQ(reader.sink->seen(), "1");
}

TEST_F(FeedStreamTest, ManyEventsThatAreLeftOutStillMoveThePosition) {
  const Reader reader = open(account_, "0", {.types = {"finding.*"}, .resource_id = ""});
  for (int i = 0; i < EventStream::kPassedOverMax; ++i) append("scn_1");

  EXPECT_TRUE(eventually([&] { return reader.sink->last_id() == log_->position_text(Feed::Kind::account, 100); }));
  EXPECT_EQ(reader.sink->seen(), "");
}

TEST_F(FeedStreamTest, HolesThatRetentionLeftInAnAccountAreToldOnce) {
  for (int i = 0; i < 4; ++i) {
    append("scn_1");  // a1 a3 a5 a7
    append("scn_2");  // a2 a4 a6 a8
  }
  trim("scn_1", 3);

  const Reader all = open(account_, "0");
  const Reader behind = open(account_, "5");
  const Reader before = open(account_, "4");

  EXPECT_TRUE(sees(all, "gap a2 a4 a6 a7 a8"));
  EXPECT_TRUE(sees(behind, "a6 a7 a8"));
  EXPECT_TRUE(sees(before, "gap a6 a7 a8"));
  EXPECT_EQ(*parse_json(all.sink->events()[0].data), Json({{"requested", "0"},
                                                           {"first_available", log_->epoch() + "-a2"},
                                                           {"trimmed_through", log_->epoch() + "-a5"}}));
}

// 1 000 frames and 256 KiB are what a slow reader may owe; one that reads gets any history.
TEST_F(FeedStreamTest, AHistoryOfAnyLengthComesAsFastAsTheReaderTakesIt) {
  constexpr int kEvents = 1'500;
  const auto stored = database_->write([&](store::Transaction& t) -> Result<void> {
    for (int i = 0; i < kEvents; ++i) {
      auto event = log_->append(t, {"acc_1", "scan", "scn_1", "scan.progress"});
      if (!event) return event.error();
    }
    return {};
  });
  ASSERT_TRUE(stored);
  const Reader reader = open({Feed::Kind::resource, "scn_1"}, "0", {}, true);

  std::size_t before = 0;
  ASSERT_TRUE(eventually([&] { return reader.sink->size() > 0; }));
  for (int page = 0; page < kEvents && reader.sink->size() < kEvents; ++page) {
    eventually([&] { return reader.sink->drain() || reader.sink->size() == kEvents; });
    EXPECT_LE(reader.sink->size() - before, static_cast<std::size_t>(EventStream::kPageEvents) * 2);
    before = reader.sink->size();
  }

  EXPECT_EQ(reader.sink->size(), static_cast<std::size_t>(kEvents));
  append("scn_1");
  EXPECT_TRUE(eventually([&] { return reader.sink->size() == kEvents + 1U; }));
}

TEST_F(FeedStreamTest, LargeEventsAreAPageSooner) {
  for (int i = 0; i < 8; ++i) append("scn_1", "scan.progress", {{"text", std::string(40'000, 'x')}});
  const Reader reader = open({Feed::Kind::resource, "scn_1"}, "0", {}, true);

  ASSERT_TRUE(eventually([&] { return reader.sink->size() == 2; }));
  for (std::size_t sent = 4; sent <= 8; sent += 2) {
    EXPECT_TRUE(eventually([&] { return reader.sink->drain(); }));
    EXPECT_TRUE(eventually([&] { return reader.sink->size() == sent; }));
  }
}

TEST_F(FeedStreamTest, AReaderWhoGoesWhileHistoryWaitsForItIsForgotten) {
  for (int i = 0; i < 120; ++i) append("scn_1");
  const Reader reader = open({Feed::Kind::resource, "scn_1"}, "0", {}, true);
  ASSERT_TRUE(eventually([&] { return reader.sink->size() == 100; }));

  reader.stream->close();
  reader.sink->drain();

  EXPECT_EQ(hub_->subscriptions(), 0U);
  EXPECT_EQ(reader.sink->size(), 100U);
}

}  // namespace
}  // namespace weir::streaming

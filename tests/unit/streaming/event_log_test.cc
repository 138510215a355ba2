#include "streaming/event_log.h"

#include "streaming/sse.h"
#include "tests/unit/streaming/streaming_fixture.h"

namespace weir::streaming {
namespace {

class EventLogTest : public StreamingTest {};

TEST_F(EventLogTest, AnEventIsPublishedAfterItsCommitWithItsNumbers) {
  std::vector<Published> received;
  const auto subscription = hub_->subscribe("scn_1", [&](const Published& p) { received.push_back(p); });

  const Event first = append("scn_1", "scan.started", {{"a", "ü\n"}});
  append("scn_2");
  append("scn_1");

  ASSERT_EQ(received.size(), 2U);
  EXPECT_EQ(first.seq, 1);
  EXPECT_EQ(received[1].event->seq, 2);
  EXPECT_EQ(received[1].event->account_seq, 3);
  SseDecoder decoder;
  const auto frames = decoder.feed(*received[0].frame);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].id, log_->epoch() + "-1");
  EXPECT_EQ(frames[0].type, "scan.started");
  EXPECT_EQ(*parse_json(frames[0].data), Json({{"id", log_->epoch() + "-1"},
                                               {"seq", 1},
                                               {"type", "scan.started"},
                                               {"resource", "scn_1"},
                                               {"account", "acc_1"},
                                               {"ts", to_rfc3339(first.at)},
                                               {"data", {{"a", "ü\n"}}}}));
}

TEST_F(EventLogTest, ARolledBackEventIsNeitherStoredNorPublished) {
  int received = 0;
  const auto subscription = hub_->subscribe("scn_1", [&](const Published&) { ++received; });

  const auto done = database_->write([&](store::Transaction& t) -> Result<void> {
    EXPECT_TRUE(log_->append(t, {"acc_1", "scan", "scn_1", "scan.started"}));
    return Error(ErrorCode::cancelled, "no");
  });

  EXPECT_FALSE(done);
  EXPECT_EQ(received, 0);
  EXPECT_EQ(*log_->last_seq("scn_1"), 0);
  EXPECT_EQ(append("scn_1").seq, 1);
}

TEST_F(EventLogTest, HistoryIsReadInOrderFromAPosition) {
  for (int i = 0; i < 5; ++i) append("scn_1", "scan.progress", {{"n", i}});

  const auto events = *log_->read_after("scn_1", 2, 2);

  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].seq, 3);
  EXPECT_EQ(events[1].data, Json({{"n", 3}}));
  EXPECT_EQ((*log_->last_event("scn_1"))->seq, 5);
  EXPECT_FALSE(*log_->last_event("scn_2"));
}

TEST_F(EventLogTest, TrimmingIsRememberedAndKeepsTheNewest) {
  for (int i = 0; i < 5; ++i) append("scn_1");

  trim("scn_1", 3);
  EXPECT_EQ(log_->range("scn_1")->first, 4);
  trim("scn_1", 99);

  EXPECT_EQ(log_->range("scn_1")->first, 5);
  EXPECT_EQ(log_->range("scn_1")->last, 5);
  EXPECT_EQ(log_->read_after("scn_1", 0, 10)->size(), 1U);
  EXPECT_EQ(append("scn_1").seq, 6);
}

TEST_F(EventLogTest, OnlyIdsOfThisLogAreUnderstood) {
  EXPECT_EQ(log_->seq_of(log_->id_of(17)), 17);
  for (const std::string& id :
       {std::string(), std::string("17"), std::string("other123-17"), log_->epoch(), log_->epoch() + "-",
        log_->epoch() + "-x", log_->epoch() + "-1x", log_->epoch() + "--1", log_->epoch() + "-99999999999999999999"}) {
    EXPECT_FALSE(log_->seq_of(id)) << id;
  }
}

TEST_F(EventLogTest, ATypeThatIsNotInTheTableIsRefused) {
  const auto appended = database_->write_for([&](store::Transaction& t) {
    return log_->append(t, {"acc_1", "scan", "scn_1", "scan.exploded"});
  });

  ASSERT_FALSE(appended);
  EXPECT_THAT(appended.error().cause, ::testing::HasSubstr("scan.exploded"));
}

TEST_F(EventLogTest, AnAccountHasASequenceOfItsOwn) {
  append("scn_1");
  append("scn_2");
  append("scn_1");

  const auto page = *log_->read({Feed::Kind::account, "acc_1"}, 1, 10);

  ASSERT_EQ(page.events.size(), 2U);
  EXPECT_EQ(page.events[0].resource_id, "scn_2");
  EXPECT_EQ(page.events[1].account_seq, 3);
  EXPECT_EQ(page.last, 3);
  EXPECT_EQ(log_->read({Feed::Kind::account, "acc_2"}, 0, 10)->last, 0);
}

TEST_F(EventLogTest, APositionBelongsToItsKindOfFeed) {
  const std::string of_resource = log_->position_text(Feed::Kind::resource, 7);
  const std::string of_account = log_->position_text(Feed::Kind::account, 7);

  EXPECT_EQ(log_->seq_at(Feed::Kind::resource, of_resource), 7);
  EXPECT_EQ(log_->seq_at(Feed::Kind::account, of_account), 7);
  EXPECT_EQ(log_->seq_at(Feed::Kind::account, "7"), 7);
  EXPECT_FALSE(log_->seq_at(Feed::Kind::account, of_resource));
  EXPECT_FALSE(log_->seq_at(Feed::Kind::resource, of_account));
  EXPECT_FALSE(log_->seq_at(Feed::Kind::resource, "-1"));
}

TEST_F(EventLogTest, ASelectionTakesWhatTheFilterTakesAndSaysWhereToGoOn) {
  for (int i = 0; i < 3; ++i) {
    append("scn_1");
    append("scn_2", "finding.new");
  }
  const Feed account{Feed::Kind::account, "acc_1"};

  const auto findings = *log_->select(account, {.types = {"finding.*"}, .resource_id = ""}, "", 2);
  const auto rest =
      *log_->select(account, {.types = {"finding.*"}, .resource_id = ""}, std::to_string(*findings.next_after), 2);
  const auto of_one = *log_->select(account, {.types = {}, .resource_id = "scn_1"}, "", 10);

  ASSERT_EQ(findings.events.size(), 2U);
  EXPECT_EQ(findings.next_after, 4);
  ASSERT_EQ(rest.events.size(), 1U);
  EXPECT_EQ(rest.events[0].account_seq, 6);
  EXPECT_FALSE(rest.next_after);
  EXPECT_EQ(of_one.events.size(), 3U);
  EXPECT_EQ(of_one.last, 6);
}

TEST_F(EventLogTest, ASelectionSaysWhatIsMissing) {
  for (int i = 0; i < 5; ++i) append("scn_1");
  trim("scn_1", 2);
  const Feed feed{Feed::Kind::resource, "scn_1"};

  EXPECT_EQ(log_->select(feed, {}, "1", 10)->gap->first_available, 3);
  EXPECT_EQ(log_->select(feed, {}, "elsewhere-4", 10)->gap->requested, "elsewhere-4");
  EXPECT_EQ(log_->select(feed, {}, "99", 10)->events.size(), 3U);
  EXPECT_TRUE(log_->select(feed, {}, "99", 10)->gap);
  EXPECT_FALSE(log_->select(feed, {}, "2", 10)->gap);
  EXPECT_FALSE(log_->select(feed, {}, "", 10)->gap) << "nothing was asked for, so nothing is missing";
  EXPECT_FALSE(log_->select(feed, {}, "5", 10)->gap);
}

TEST(EventTest, TerminalEventsAreThoseAfterWhichNothingFollows) {
  for (const char* type : {"scan.completed", "scan.failed", "scan.cancelled", "scan.timed_out"}) {
    EXPECT_TRUE(is_terminal_event(type)) << type;
  }
  for (const char* type : {"scan.started", "scan.progress", "finding.new", "scan.cancelling", ""}) {
    EXPECT_FALSE(is_terminal_event(type)) << type;
  }
}

}  // namespace
}  // namespace weir::streaming

// GET streams, resumption and subscriptions of sessions.
#include "tests/unit/mcp/endpoint_fixture.h"
#include "tests/unit/mcp/watched_notes.h"

namespace weir::mcp {
namespace {

class SessionStreamsTest : public EndpointTest {
 protected:
  SessionStreamsTest() {
    Offers offers;
    offers.resources = &notes_;
    offers.list_changes = &changes_;
    world_.offer(std::move(offers));
  }
  ~SessionStreamsTest() override { world_.offer({}); }

  std::shared_ptr<FakeExchange> get(const std::string& session, const std::string& last_id = "",
                                    const std::string& key = "admin") {
    Posted how{.key = key, .session = session, .http_method = "GET"};
    if (!last_id.empty()) how.more_headers.emplace_back("Last-Event-ID", last_id);
    return post("", how);
  }
  std::shared_ptr<FakeExchange> subscribe(const std::string& session, const std::string& uri) {
    return in_session(session, "resources/subscribe", {{"uri", uri}});
  }
  bool has_stored_answer() {
    return must(world_.database().read_for([](store::Transaction& transaction) -> Result<bool> {
      auto rows = transaction.query("SELECT COUNT(*) FROM session_calls WHERE answer IS NOT NULL");
      if (!rows) return std::move(rows).error();
      return rows->front().integer(0) > 0;
    }));
  }
  static std::shared_ptr<FakeExchange> left(std::shared_ptr<FakeExchange> exchange) {
    exchange->stream()->close();
    return exchange;
  }

  WatchedNotes notes_;
  ListChanges changes_;
};

TEST_F(SessionStreamsTest, PrimesAStreamWithAnIdAndADelay) {
  const auto exchange = get(open_session());

  ASSERT_NE(exchange->stream(), nullptr);
  EXPECT_EQ(exchange->response()->content_type, "text/event-stream");
  ASSERT_EQ(exchange->stream()->frames().size(), 1U);
  EXPECT_THAT(exchange->stream()->frames()[0], ::testing::MatchesRegex("retry: 1000\nid: l[^\n]+-0\ndata: \n\n"));
}

TEST_F(SessionStreamsTest, PrimesNoStreamOfARevisionThatDoesNotExpectIt) {
  EXPECT_TRUE(get(open_session("2025-06-18"))->stream()->frames().empty());
}

TEST_F(SessionStreamsTest, TellsOfAChangedResource) {
  const std::string session = open_session();
  const auto exchange = get(session);
  EXPECT_EQ(result(subscribe(session, "note://a")), Json::object());

  notes_.change("note://b");
  notes_.change("note://a");

  const auto messages = exchange->stream()->messages();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0]["method"], "notifications/resources/updated");
  EXPECT_EQ(messages[0]["params"]["uri"], "note://a");
}

TEST_F(SessionStreamsTest, TellsNothingMoreAfterUnsubscribe) {
  const std::string session = open_session();
  const auto exchange = get(session);
  subscribe(session, "note://a");

  EXPECT_EQ(result(in_session(session, "resources/unsubscribe", {{"uri", "note://a"}})), Json::object());
  notes_.change("note://a");

  EXPECT_TRUE(exchange->stream()->messages().empty());
  EXPECT_EQ(notes_.watchers("note://a"), 0U);
}

TEST_F(SessionStreamsTest, RefusesToWatchWhatIsNotThere) {
  const auto exchange = subscribe(open_session(), "note://none");

  EXPECT_EQ(error_code(exchange), -32002);
  EXPECT_EQ(body(exchange)["error"]["data"]["uri"], "note://none");
}

TEST_F(SessionStreamsTest, TellsOfAChangedList) {
  const auto exchange = get(open_session());

  changes_.publish(ListKind::tools);

  EXPECT_EQ(exchange->stream()->messages().at(0)["method"], "notifications/tools/list_changed");
}

TEST_F(SessionStreamsTest, KeepsWhatCameBeforeAnybodyListened) {
  const std::string session = open_session();
  subscribe(session, "note://a");
  notes_.change("note://a");

  EXPECT_EQ(get(session)->stream()->messages().size(), 1U);
}

TEST_F(SessionStreamsTest, SendsEachMessageOnOneStreamOnly) {
  const std::string session = open_session();
  const auto first = get(session);
  const auto second = get(session);
  subscribe(session, "note://a");

  notes_.change("note://a");

  EXPECT_EQ(first->stream()->messages().size() + second->stream()->messages().size(), 1U);
}

TEST_F(SessionStreamsTest, ResumesAfterTheLastEvent) {
  const std::string session = open_session();
  const auto first = get(session);
  subscribe(session, "note://a");
  subscribe(session, "note://b");
  notes_.change("note://a");
  const std::string last_id = first->stream()->last_id();
  left(first);
  notes_.change("note://b");

  const auto second = get(session, last_id);

  const auto messages = second->stream()->messages();
  ASSERT_EQ(messages.size(), 1U) << "nothing twice";
  EXPECT_EQ(messages[0]["params"]["uri"], "note://b");
  notes_.change("note://a");
  EXPECT_EQ(second->stream()->messages().size(), 2U) << "and goes on";
}

TEST_F(SessionStreamsTest, TellsOfEverySubscriptionAfterARestart) {
  const std::string session = open_session();
  const auto first = get(session);
  subscribe(session, "note://a");
  notes_.change("note://a");
  const std::string last_id = first->stream()->last_id();
  world_.reopen();

  const auto second = get(session, last_id);

  const auto messages = second->stream()->messages();
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0]["params"]["uri"], "note://a");
  EXPECT_EQ(messages[1]["method"], "notifications/tools/list_changed");
  notes_.change("note://a");
  EXPECT_EQ(second->stream()->messages().size(), 4U) << "the subscription is there again";
}

TEST_F(SessionStreamsTest, IsNoCancellationWhenTheConnectionBreaks) {
  const std::string session = open_session();
  const auto call = in_session(session, "tools/call", {{"name", "wait_for_it"}, {"_meta", {{"progressToken", "t"}}}});
  ASSERT_NE(call->stream(), nullptr);
  world_.append("scan.progress", {{"percent", 10}});
  ASSERT_TRUE(testing::eventually([&] { return call->stream()->messages().size() == 1; }));
  const std::string last_id = call->stream()->last_id();
  left(call);
  world_.append("scan.completed");

  const auto resumed = get(session, last_id);

  ASSERT_TRUE(testing::eventually([&] { return resumed->stream()->is_closed(); }));
  EXPECT_EQ(resumed->stream()->messages().back()["id"], 1);
  EXPECT_EQ(resumed->stream()->messages().back()["result"]["structuredContent"]["status"], "completed");
}

TEST_F(SessionStreamsTest, KeepsTheAnswerOfACallAcrossARestart) {
  const std::string session = open_session();
  const auto call = in_session(session, "tools/call", {{"name", "wait_for_it"}, {"_meta", {{"progressToken", "t"}}}});
  const std::string first_id = call->stream()->last_id();
  left(call);
  world_.append("scan.completed");
  ASSERT_TRUE(testing::eventually([&] { return has_stored_answer(); }));
  world_.reopen();

  const auto resumed = get(session, first_id);

  ASSERT_TRUE(testing::eventually([&] { return resumed->stream()->is_closed(); }));
  EXPECT_EQ(resumed->stream()->messages().back()["result"]["structuredContent"]["status"], "completed");
}

TEST_F(SessionStreamsTest, MakesACallAgainThatARestartCut) {
  const std::string session = open_session();
  const auto call = in_session(session, "tools/call", {{"name", "wait_for_it"}, {"_meta", {{"progressToken", "t"}}}});
  const std::string first_id = call->stream()->last_id();
  world_.reopen();

  const auto resumed = get(session, first_id);
  ASSERT_NE(resumed->stream(), nullptr);
  EXPECT_FALSE(resumed->stream()->is_closed()) << "it waits, as it did before";
  world_.append("scan.completed");

  ASSERT_TRUE(testing::eventually([&] { return resumed->stream()->is_closed(); }));
  EXPECT_EQ(resumed->stream()->messages().back()["result"]["structuredContent"]["status"], "completed");
}

TEST_F(SessionStreamsTest, SaysThatAStreamIsGone) {
  const std::string session = open_session();

  EXPECT_EQ(status(get(session, "cunknown-3")), 410);
}

TEST_F(SessionStreamsTest, ResumesNoStreamOfAnotherSession) {
  const std::string session = open_session();
  const auto call = in_session(session, "tools/call", {{"name", "wait_for_it"}, {"_meta", {{"progressToken", "t"}}}});

  EXPECT_EQ(status(get(open_session(), call->stream()->last_id())), 410);
  EXPECT_EQ(status(get(session, call->stream()->last_id(), "other")), 404) << "nor one of another key";
}

TEST_F(SessionStreamsTest, EndsItsStreamsWithTheSession) {
  const std::string session = open_session();
  const auto exchange = get(session);
  subscribe(session, "note://a");

  post("", {.session = session, .http_method = "DELETE"});

  EXPECT_TRUE(exchange->stream()->is_closed());
  EXPECT_EQ(notes_.watchers("note://a"), 0U);
}

TEST_F(SessionStreamsTest, RefusesMoreStreamsThanASessionMayHave) {
  const std::string session = open_session();
  std::vector<std::shared_ptr<FakeExchange>> open;
  for (std::size_t i = 0; i < kListeningPerSessionMax; ++i) open.push_back(get(session));

  EXPECT_EQ(status(get(session)), 409);
  left(open.front());
  EXPECT_EQ(status(get(session)), 200);
}

TEST_F(SessionStreamsTest, OpensNoStreamWithoutASession) {
  EXPECT_EQ(status(get("")), 405);
  EXPECT_EQ(status(get("x")), 404);
  EXPECT_EQ(status(post("", {.session = open_session(), .accept = "application/json", .http_method = "GET"})), 406);
}

TEST_F(SessionStreamsTest, AdvertisesSubscriptionsInEveryRevision) {
  for (const char* version : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
    const auto opened = post(to_text({{"jsonrpc", "2.0"},
                                      {"id", 1},
                                      {"method", "initialize"},
                                      {"params",
                                       {{"protocolVersion", version},
                                        {"capabilities", Json::object()},
                                        {"clientInfo", {{"name", "t"}, {"version", "1"}}}}}}),
                             {});
    EXPECT_EQ(result(opened)["capabilities"]["resources"]["subscribe"], true) << version;
  }
}

TEST(StreamPositionTest, IsReadAsItWasWritten) {
  const auto position = stream_position_from(event_id({"labc", 7}));

  ASSERT_TRUE(position);
  EXPECT_EQ(position->stream_id, "labc");
  EXPECT_EQ(position->seq, 7);
  for (const char* text : {"", "-", "-1", "l-", "labc", "labc-x", "labc-1x", "labc-99999999999999999999"}) {
    EXPECT_FALSE(stream_position_from(text)) << text;
  }
}

TEST(ResumableStreamTest, GivesAReaderThatMissedMuchTheNewest) {
  const SystemClock clock;
  const auto stream = std::make_shared<ResumableStream>("lx", clock);
  for (std::size_t i = 0; i < 2 * ResumableStream::kKeptMax; ++i) stream->send({{"n", i}});
  const auto reader = std::make_shared<FakeStream>();

  stream->attach(reader, 0, Priming::none);

  ASSERT_EQ(reader->messages().size(), ResumableStream::kKeptMax);
  EXPECT_EQ(reader->messages().back()["n"], 2 * ResumableStream::kKeptMax - 1);
}

TEST(ResumableStreamTest, EndsTheConnectionOfAnEarlierReader) {
  const SystemClock clock;
  const auto stream = std::make_shared<ResumableStream>("lx", clock);
  const auto earlier = std::make_shared<FakeStream>();
  const auto later = std::make_shared<FakeStream>();

  stream->attach(earlier, 0, Priming::none);
  stream->attach(later, 0, Priming::none);
  stream->send({{"n", 1}});

  EXPECT_TRUE(earlier->is_closed());
  EXPECT_TRUE(earlier->messages().empty());
  EXPECT_EQ(later->messages().size(), 1U);
}

}  // namespace
}  // namespace weir::mcp

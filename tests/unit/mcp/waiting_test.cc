// Tools that wait: progress, the answer at the end, clients that go away.
#include "server/mcp/progress.h"
#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

using WaitingTest = EndpointTest;

Json with_token(const std::string& tool) { return {{"name", tool}, {"_meta", {{"progressToken", "t1"}}}}; }

TEST_F(WaitingTest, AnswersWhenTheResourceHasEnded) {
  const auto exchange = call("wait_for_it");
  EXPECT_EQ(status(exchange), 0);
  world_.append("scan.completed");

  ASSERT_TRUE(testing::eventually([&] { return status(exchange) == 200; }));
  EXPECT_EQ(exchange->response()->content_type, "application/json") << "nobody asked for progress";
  EXPECT_EQ(result(exchange)["structuredContent"]["status"], "completed");
}

TEST_F(WaitingTest, StreamsProgressAndThenTheAnswer) {
  const auto exchange = modern("tools/call", with_token("wait_for_it"));
  ASSERT_NE(exchange->stream(), nullptr);
  EXPECT_EQ(header(exchange, "X-Accel-Buffering"), "no");
  EXPECT_NE(header(exchange, "X-Request-ID"), "");
  for (int percent = 10; percent <= 60; percent += 10) {
    world_.append("scan.progress", {{"percent", percent}, {"phase", "headers"}});
    world_.clock().advance(std::chrono::milliseconds{300});
  }
  world_.append("scan.completed");

  ASSERT_TRUE(testing::eventually([&] { return exchange->stream()->is_closed(); }));
  const auto messages = exchange->stream()->messages();
  ASSERT_GE(messages.size(), 3U);
  double last = -1;
  for (std::size_t i = 0; i + 1 < messages.size(); ++i) {
    EXPECT_EQ(messages[i]["method"], "notifications/progress");
    EXPECT_EQ(messages[i]["params"]["progressToken"], "t1");
    EXPECT_GT(messages[i]["params"]["progress"].get<double>(), last);
    last = messages[i]["params"]["progress"].get<double>();
  }
  EXPECT_EQ(messages.back()["id"], 1);
  EXPECT_EQ(messages.back()["result"]["structuredContent"]["status"], "completed");
}

TEST_F(WaitingTest, StreamsInASessionToo) {
  const auto exchange = in_session(open_session(), "tools/call", with_token("wait_for_it"));
  ASSERT_NE(exchange->stream(), nullptr);
  world_.append("scan.progress", {{"percent", 50}});
  world_.append("scan.completed");

  ASSERT_TRUE(testing::eventually([&] { return exchange->stream()->is_closed(); }));
  EXPECT_EQ(exchange->stream()->messages().front()["params"]["progress"], 50);
}

TEST_F(WaitingTest, AnswersAtOnceWhatHasEndedAlready) {
  world_.append("scan.completed");
  const auto exchange = modern("tools/call", with_token("wait_for_it"));

  ASSERT_TRUE(testing::eventually(
      [&] { return status(exchange) == 200 && (exchange->stream() == nullptr || exchange->stream()->is_closed()); }));
}

TEST_F(WaitingTest, DoesNotStreamToAClientThatReadsOnlyJson) {
  const auto exchange = modern("tools/call", with_token("wait_for_it"), {.accept = "application/json"});
  world_.append("scan.completed");

  ASSERT_TRUE(testing::eventually([&] { return status(exchange) == 200; }));
  EXPECT_EQ(exchange->stream(), nullptr);
}

TEST_F(WaitingTest, EndsTheWaitWhenTheClientGoesAway) {
  const auto exchange = call("wait_for_it");
  ASSERT_EQ(world_.hub().subscriptions(), 1U);
  exchange->depart();

  EXPECT_TRUE(testing::eventually([&] { return world_.hub().subscriptions() == 0; }));
}

TEST_F(WaitingTest, EndsTheWaitWhenTheStreamIsClosed) {
  const auto exchange = modern("tools/call", with_token("wait_for_it"));
  ASSERT_EQ(world_.hub().subscriptions(), 1U);
  exchange->stream()->close();

  EXPECT_TRUE(testing::eventually([&] { return world_.hub().subscriptions() == 0; }));
}

TEST_F(WaitingTest, LetsGoOfTheExchangeAfterTheAnswer) {
  auto exchange = modern("tools/call", with_token("wait_for_it"));
  std::weak_ptr<FakeExchange> watched = exchange;
  exchange->stream()->close();
  exchange.reset();

  EXPECT_TRUE(testing::eventually([&] { return watched.expired(); }));
}

streaming::Event event(Json data) {
  streaming::Event out;
  out.type = "scan.progress";
  out.data = std::move(data);
  return out;
}

constexpr std::chrono::steady_clock::time_point kStart{};
constexpr std::chrono::milliseconds kInterval{250};

TEST(ProgressPaceTest, KeepsTheNewestUntilTheIntervalIsOver) {
  ProgressPace pace(kInterval);
  pace.take(event({{"percent", 1}}));
  EXPECT_EQ(pace.due(kStart)->progress, 1);
  pace.take(event({{"percent", 2}}));
  pace.take(event({{"percent", 3}}));

  EXPECT_FALSE(pace.due(kStart + kInterval / 2));
  EXPECT_EQ(pace.next(), kStart + kInterval);
  EXPECT_EQ(pace.due(kStart + kInterval)->progress, 3);
  EXPECT_FALSE(pace.next());
}

TEST(ProgressPaceTest, NeverGoesBackOrRepeats) {
  ProgressPace pace(kInterval);
  pace.take(event({{"percent", 50}}));
  ASSERT_TRUE(pace.due(kStart));
  pace.take(event({{"percent", 50}}));
  pace.take(event({{"percent", 20}}));

  EXPECT_FALSE(pace.due(kStart + kInterval));
}

TEST(ProgressPaceTest, GrowsWithEventsThatHaveNoPercentage) {
  ProgressPace pace(kInterval);
  pace.take(event({{"phase", "crawl"}}));
  const auto first = pace.due(kStart);
  pace.take(event({{"phase", "report"}}));
  const auto second = pace.due(kStart + kInterval);

  EXPECT_EQ(first->message, "crawl");
  EXPECT_FALSE(first->total);
  EXPECT_EQ(second->message, "report");
  EXPECT_GT(second->progress, first->progress);
}

TEST(ProgressPaceTest, SaysOutOfHowMany) {
  ProgressPace pace(kInterval);
  pace.take(event({{"progress", {{"percent", 12.5}}}}));
  const auto step = pace.due(kStart);

  EXPECT_EQ(step->progress, 12.5);
  EXPECT_EQ(step->total, 100);
}

}  // namespace
}  // namespace weir::mcp

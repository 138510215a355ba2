// Calls that would rather wait than be refused: `_meta["weir/maxWaitMs"]`, progress meanwhile, and the ways to leave.
#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HeldCallsTest : public EndpointTest {
 protected:
  // The free tier's minute, spent 35 seconds ago: the next slot frees in 25.
  void spend() {
    for (int i = 0; i < 100; ++i) call("say", {{"text", "x"}}, {.key = "free"});
    world_.clock().advance(seconds{35});
  }
  static Json held(int wait_ms, bool has_token, const std::string& tool = "say") {
    Json params = {{"name", tool}, {"_meta", {{"weir/maxWaitMs", wait_ms}}}};
    if (tool == "say") params["arguments"] = {{"text", "x"}};
    if (has_token) params["_meta"]["progressToken"] = "t1";
    return params;
  }
  void free_the_slots() {
    world_.clock().advance(seconds{25});
    world_.pacing().proceed();
  }
  bool is_held(std::size_t calls) {
    return testing::eventually([&] { return world_.pacing().held() == calls; });
  }
  static Json last_message(const std::shared_ptr<FakeExchange>& exchange) {
    return exchange->stream()->messages().back();
  }
  // Of a client of a session that does not want the answer to request 1 any more.
  int cancel(const std::string& session, const Json& id = 1, const std::string& key = "free") {
    const Json notification = {
        {"jsonrpc", "2.0"}, {"method", "notifications/cancelled"}, {"params", {{"requestId", id}}}};
    return status(post(weir::to_text(notification), {.key = key, .session = session}));
  }
};

TEST_F(HeldCallsTest, AnswersWhenTheSlotFrees) {
  spend();
  const auto exchange = modern("tools/call", held(30'000, false), {.key = "free"});
  EXPECT_EQ(status(exchange), 0);
  EXPECT_EQ(world_.pacing().held(), 1U);

  free_the_slots();

  ASSERT_TRUE(testing::eventually([&] { return status(exchange) == 200; }));
  EXPECT_EQ(result(exchange)["isError"], false);
  EXPECT_EQ(result(exchange)["_meta"]["weir/rateLimit"]["remaining"], 99);
  EXPECT_EQ(header(exchange, "X-RateLimit-Remaining"), "99");
  EXPECT_EQ(header(exchange, "Retry-After"), "");
}

TEST_F(HeldCallsTest, TellsItsPlaceAndThenTheResultInTheModernEra) {
  spend();
  const auto exchange = modern("tools/call", held(30'000, true), {.key = "free"});
  ASSERT_NE(exchange->stream(), nullptr);
  EXPECT_EQ(header(exchange, "X-RateLimit-Remaining"), "0") << "the head of the stream shows the state, too";
  ASSERT_TRUE(testing::eventually([&] { return !exchange->stream()->messages().empty(); }));
  const Json told = exchange->stream()->messages().front();
  EXPECT_EQ(told["method"], "notifications/progress");
  EXPECT_EQ(told["params"]["progressToken"], "t1");
  EXPECT_EQ(told["params"]["message"], "Waiting for the rate limit: 0 calls ahead, about 25 seconds.");

  free_the_slots();

  ASSERT_TRUE(testing::eventually([&] { return exchange->stream()->is_closed(); }));
  EXPECT_EQ(last_message(exchange)["result"]["isError"], false);
}

TEST_F(HeldCallsTest, TellsItsPlaceAndThenTheResultInEverySession) {
  for (const char* version : {"2025-03-26", "2025-06-18", "2025-11-25"}) {
    SCOPED_TRACE(version);
    world_.clock().advance(seconds{120});
    const std::string session = open_session(version, "free");
    spend();
    const auto exchange = in_session(session, "tools/call", held(30'000, true), "free");
    ASSERT_NE(exchange->stream(), nullptr);
    ASSERT_TRUE(testing::eventually([&] { return !exchange->stream()->messages().empty(); }));

    free_the_slots();

    ASSERT_TRUE(testing::eventually([&] { return exchange->stream()->is_closed(); }));
    EXPECT_EQ(last_message(exchange)["result"]["isError"], false);
  }
}

TEST_F(HeldCallsTest, IsRefusedAtOnceIfTheSlotCannotComeInTime) {
  spend();
  const auto exchange = modern("tools/call", held(20'000, true), {.key = "free"});

  EXPECT_EQ(status(exchange), 200);
  EXPECT_EQ(exchange->stream(), nullptr);
  EXPECT_EQ(result(exchange)["isError"], true);
  EXPECT_EQ(result(exchange)["structuredContent"]["retryAfter"], 25);
  EXPECT_EQ(header(exchange, "Retry-After"), "25");
  EXPECT_EQ(world_.pacing().held(), 0U);
}

TEST_F(HeldCallsTest, AClientThatGoesAwayLeavesTheQueue) {
  spend();
  const auto silent = modern("tools/call", held(30'000, false), {.key = "free"});
  const auto reading = modern("tools/call", held(30'000, true), {.key = "free"});
  ASSERT_TRUE(is_held(2));

  silent->depart();
  EXPECT_TRUE(is_held(1));
  reading->stream()->close();

  EXPECT_TRUE(is_held(0));
}

TEST_F(HeldCallsTest, ACancelledCallLeavesTheQueueAndIsNotAnswered) {
  const std::string session = open_session("2025-11-25", "free");
  spend();
  const auto silent = in_session(session, "tools/call", held(30'000, false), "free");
  ASSERT_TRUE(is_held(1));

  EXPECT_EQ(cancel(session), 202);

  EXPECT_TRUE(is_held(0));
  // The one way to end a POST without an answer is a stream without one.
  ASSERT_NE(silent->stream(), nullptr);
  EXPECT_TRUE(silent->stream()->is_closed());
  EXPECT_TRUE(silent->stream()->messages().empty());
}

TEST_F(HeldCallsTest, ACancelledCallThatReportsProgressEndsItsStreamWithoutAnAnswer) {
  const std::string session = open_session("2025-06-18", "free");
  spend();
  const auto reading = in_session(session, "tools/call", held(30'000, true), "free");
  ASSERT_TRUE(is_held(1));

  cancel(session);

  ASSERT_TRUE(testing::eventually([&] { return reading->stream()->is_closed(); }));
  for (const Json& message : reading->stream()->messages())
    EXPECT_FALSE(message.contains("id")) << weir::to_text(message);
}

TEST_F(HeldCallsTest, AClientThatReadsOnlyJsonIsToldThatItCancelled) {
  const std::string session = open_session("2025-06-18", "free");
  spend();
  const auto exchange =
      post(weir::to_text({{"jsonrpc", "2.0"}, {"id", 1}, {"method", "tools/call"}, {"params", held(30'000, false)}}),
           {.key = "free", .session = session, .accept = "application/json"});
  ASSERT_TRUE(is_held(1));

  cancel(session);

  EXPECT_EQ(status(exchange), 200);
  EXPECT_EQ(body(exchange)["error"]["data"]["error"], "cancelled");
}

TEST_F(HeldCallsTest, CancelsOnlyTheCallThatIsNamedInItsOwnSession) {
  const std::string session = open_session("2025-11-25", "free");
  const std::string other = open_session("2025-11-25", "free");
  spend();
  const auto exchange = in_session(session, "tools/call", held(30'000, false), "free");
  ASSERT_TRUE(is_held(1));

  EXPECT_EQ(cancel(session, 2), 202);
  EXPECT_EQ(cancel(session, "1"), 202);
  EXPECT_EQ(cancel(other), 202);

  EXPECT_EQ(world_.pacing().held(), 1U);
  free_the_slots();
  EXPECT_TRUE(testing::eventually([&] { return status(exchange) == 200; }));
}

TEST_F(HeldCallsTest, ACancellationEndsTheWaitOfAToolToo) {
  const std::string session = open_session();
  const auto exchange = in_session(session, "tools/call", {{"name", "wait_for_it"}});
  ASSERT_EQ(world_.hub().subscriptions(), 1U);

  cancel(session, 1, "admin");

  EXPECT_TRUE(testing::eventually([&] { return world_.hub().subscriptions() == 0; }));
}

TEST_F(HeldCallsTest, AHeldCallOfAToolThatWaitsIsAnsweredWhenItsResourceEnds) {
  spend();
  const auto exchange = modern("tools/call", held(30'000, true, "wait_for_it"), {.key = "free"});
  ASSERT_TRUE(is_held(1));
  free_the_slots();
  ASSERT_TRUE(testing::eventually([&] { return world_.hub().subscriptions() == 1; }));

  world_.append("scan.completed");

  ASSERT_TRUE(testing::eventually([&] { return exchange->stream()->is_closed(); }));
  EXPECT_EQ(last_message(exchange)["result"]["structuredContent"]["status"], "completed");
}

}  // namespace
}  // namespace weir::mcp

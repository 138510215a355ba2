// What a caller sees when it is too fast (mcp.md 5.4 of the design, docs/reference/mcp.md).
#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

using LimitsTest = EndpointTest;

// Free tier: 100 units a minute.
TEST_F(LimitsTest, RefusesTheHundredAndFirstToolCallWithAResultThatAModelReads) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(result(call("say", {{"text", "x"}}, {.key = "free"}))["isError"], false) << i;
  }
  const auto refused = call("say", {{"text", "x"}}, {.key = "free"});

  EXPECT_EQ(status(refused), 200);
  EXPECT_EQ(result(refused)["isError"], true);
  EXPECT_EQ(result(refused)["content"][0]["text"],
            "Rate limit of 100 requests per minute exceeded. Retry after 60 seconds.");
  EXPECT_EQ(result(refused)["structuredContent"]["error"], "rate_limit_exceeded");
  EXPECT_EQ(result(refused)["structuredContent"]["retryAfter"], 60);
  EXPECT_EQ(result(refused)["_meta"]["weir/rateLimit"]["retryAfterMs"], 60'000);
  EXPECT_EQ(result(refused)["_meta"]["weir/rateLimit"]["remaining"], 0);
  EXPECT_EQ(header(refused, "Retry-After"), "60");
  EXPECT_EQ(header(refused, "X-RateLimit-Remaining"), "0");
}

TEST_F(LimitsTest, AdmitsTheCallAfterTheTimeThatItNamed) {
  for (int i = 0; i < 101; ++i) call("say", {{"text", "x"}}, {.key = "free"});
  world_.clock().advance(std::chrono::seconds{60});

  EXPECT_EQ(result(call("say", {{"text", "x"}}, {.key = "free"}))["isError"], false);
}

TEST_F(LimitsTest, RefusesOtherMethodsWithAnErrorOfItsOwnCode) {
  for (int i = 0; i < 100; ++i) call("say", {{"text", "x"}}, {.key = "free"});
  const auto refused = modern("tools/list", {}, {.key = "free"});

  EXPECT_EQ(status(refused), 200);
  EXPECT_EQ(error_code(refused), 429);
  EXPECT_EQ(body(refused)["error"]["data"]["retryAfter"], 60);
  EXPECT_EQ(header(refused, "Retry-After"), "60");
}

TEST_F(LimitsTest, NeverRefusesWhatCostsNothing) {
  for (int i = 0; i < 100; ++i) call("say", {{"text", "x"}}, {.key = "free"});

  EXPECT_TRUE(result(modern("server/discover", {}, {.key = "free"})).is_object());
  EXPECT_EQ(result(call("get_state", {}, {.key = "free"}))["isError"], false);
  const std::string session = open_session("2025-11-25", "free");
  EXPECT_NE(session, "");
  EXPECT_TRUE(result(in_session(session, "ping", {}, "free")).is_object());
  EXPECT_EQ(status(post("", {.key = "free", .session = session, .http_method = "DELETE"})), 204);
}

TEST_F(LimitsTest, ShowsTheStateOnSuccess) {
  const auto exchange = call("say", {{"text", "x"}}, {.key = "free"});
  const Json state = result(exchange)["_meta"]["weir/rateLimit"];

  EXPECT_EQ(state["limit"], 100);
  EXPECT_EQ(state["remaining"], 99);
  EXPECT_EQ(state["policy"], "minute");
  EXPECT_EQ(std::to_string(state["reset"].get<std::int64_t>()), header(exchange, "X-RateLimit-Reset"));
  EXPECT_FALSE(state.contains("retryAfterMs"));
}

TEST_F(LimitsTest, TellsAnUnlimitedKeyThatItIs) {
  EXPECT_EQ(result(call("say", {{"text", "x"}}))["_meta"]["weir/rateLimit"],
            Json({{"tier", "admin"}, {"unlimited", true}}));
}

TEST_F(LimitsTest, ChargesForNamesThatAreTried) {
  call("no_such_tool", {}, {.key = "free"});

  EXPECT_EQ(header(modern("server/discover", {}, {.key = "free"}), "X-RateLimit-Remaining"), "99");
}

TEST_F(LimitsTest, AnswersHttp429WhereTheOperatorWantsIt) {
  Settings settings;
  settings.rate_limit_status = RateLimitStatus::http;
  World strict(settings);
  std::shared_ptr<FakeExchange> last;
  for (int i = 0; i < 101; ++i) {
    http::Request request;
    request.method = "POST";
    request.path = "/mcp";
    request.peer_address = "127.0.0.1";
    request.body = to_text(modern_body("tools/call", {{"name", "fail"}, {"arguments", {{"text", "x"}}}}));
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"Host", "localhost"},
                                                          {"Authorization", "Bearer " + strict.key("free")},
                                                          {"Content-Type", "application/json"},
                                                          {"MCP-Protocol-Version", "2026-07-28"},
                                                          {"Mcp-Method", "tools/call"},
                                                          {"Mcp-Name", "fail"}}) {
      request.headers.add(name, value);
    }
    last = std::make_shared<FakeExchange>(std::move(request));
    strict.endpoint().handle(last);
  }

  EXPECT_EQ(status(last), 429);
  EXPECT_EQ(error_code(last), 429);
  EXPECT_EQ(header(last, "Retry-After"), "60");
}

TEST_F(LimitsTest, CountsEachElementOfABatch) {
  const std::string session = open_session("2025-03-26", "free");
  Json batch = Json::array();
  for (int i = 0; i < 20; ++i) {
    batch.push_back({{"jsonrpc", "2.0"},
                     {"id", i},
                     {"method", "tools/call"},
                     {"params", {{"name", "say"}, {"arguments", {{"text", "x"}}}}}});
  }
  for (int i = 0; i < 5; ++i) post(to_text(batch), {.key = "free", .session = session});
  const Json answers = body(post(to_text(batch), {.key = "free", .session = session}));

  ASSERT_EQ(answers.size(), 20U);
  for (const Json& answer : answers) EXPECT_EQ(answer["result"]["isError"], true);
}

TEST_F(LimitsTest, StopsAFloodOfWrongKeysInPlainText) {
  std::shared_ptr<FakeExchange> last;
  for (int i = 0; i < 31; ++i) {
    last = modern("tools/list", {}, {.key = "", .more_headers = {{"Authorization", "Bearer wk_wrong"}}});
  }

  EXPECT_EQ(status(last), 429);
  EXPECT_NE(header(last, "Retry-After"), "");
  EXPECT_EQ(last->response()->content_type, "text/plain; charset=utf-8");
}

}  // namespace
}  // namespace weir::mcp

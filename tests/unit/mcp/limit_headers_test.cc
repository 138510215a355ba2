// Both header families on every method of every revision and on every status that a known caller gets.
#include "server/mcp/methods.h"
#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

class LimitHeadersTest : public EndpointTest {
 protected:
  static void expect_headers(const std::shared_ptr<FakeExchange>& exchange, const std::string& what) {
    SCOPED_TRACE(what + " answered " + std::to_string(status(exchange)));
    ASSERT_TRUE(exchange->response());
    for (const char* name :
         {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "X-Request-ID"}) {
      EXPECT_NE(header(exchange, name), "") << name;
    }
    EXPECT_EQ(header(exchange, "RateLimit-Policy"), R"("minute";q=100;w=60, "scans-day";q=50;w=86400)");
  }
  int remaining() { return std::stoi(header(modern("server/discover", {}, {.key = "free"}), "X-RateLimit-Remaining")); }
  // What a call of the method takes from the minute, which is what the table says.
  void expect_cost(const std::shared_ptr<FakeExchange>& exchange, int before, std::uint32_t cost,
                   const std::string& what) {
    EXPECT_EQ(before - remaining(), static_cast<int>(cost)) << what;
    EXPECT_EQ(header(exchange, "Retry-After"), "") << what << ": nothing was refused";
  }
  static Json params_of(const Method& method) {
    if (method.name == "tools/call") return {{"name", "say"}, {"arguments", {{"text", "x"}}}};
    if (method.name == "initialize") return {{"protocolVersion", "2025-11-25"}, {"capabilities", Json::object()}};
    return Json::object();
  }
};

TEST_F(LimitHeadersTest, EveryMethodOfEveryRevisionCarriesThemAndCostsWhatTheTableSays) {
  for (const char* version : {"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"}) {
    const Revision revision = *revision_from(version);
    const std::string session = has_sessions(revision) ? open_session(version, "free") : "";
    for (const Method& method : all_methods()) {
      if (revision < method.first || method.last < revision) continue;
      const std::string what = std::string(version) + " " + std::string(method.name);
      const int before = remaining();
      Json message = {{"jsonrpc", "2.0"}, {"method", method.name}, {"params", params_of(method)}};
      if (method.kind == Message::Kind::request) message["id"] = 1;
      const auto exchange = !has_sessions(revision) && method.kind == Message::Kind::request
                                ? modern(std::string(method.name), params_of(method), {.key = "free"})
                                : post(weir::to_text(message), {.key = "free",
                                                                .session = method.name == "initialize" ? "" : session,
                                                                .has_modern_headers = !has_sessions(revision)});
      expect_headers(exchange, what);
      const bool is_served = method.need == Need::nothing;
      expect_cost(exchange, before, is_served ? method.cost : 0, what);
    }
  }
}

TEST_F(LimitHeadersTest, EveryFaultOfAKnownCallerCarriesThemAndCostsNothing) {
  const std::string session = open_session("2025-11-25", "free");
  const int before = remaining();
  const Posted free{.key = "free"};
  expect_headers(post("", {.key = "free", .http_method = "GET"}), "GET");
  expect_headers(post("", {.key = "free", .session = session, .http_method = "DELETE"}), "DELETE");
  expect_headers(post("{}", {.key = "free", .content_type = "text/plain"}), "415");
  expect_headers(post("{}", {.key = "free", .accept = "text/html"}), "406");
  expect_headers(post("{", free), "not JSON");
  expect_headers(post("[]", free), "an empty batch");
  expect_headers(in_session(session, "ping", {}, "free"), "a session that ended");
  expect_headers(modern("no/such/method", {}, free), "unknown method");
  expect_headers(post(weir::to_text(modern_body("tools/list")), {.key = "free", .version = "2025-11-25"}),
                 "header and body disagree");

  EXPECT_EQ(remaining(), before);
}

TEST_F(LimitHeadersTest, AToolThatFailsInsideIsNotChargedAndCarriesThem) {
  const int before = remaining();
  const std::string session = open_session("2025-11-25", "free");

  for (const auto& failed :
       {call("fail", {{"text", "internal"}}, {.key = "free"}),
        in_session(session, "tools/call", {{"name", "fail"}, {"arguments", {{"text", "internal"}}}}, "free")}) {
    EXPECT_EQ(result(failed)["isError"], true);
    EXPECT_EQ(result(failed)["structuredContent"]["error"], "internal");
    expect_headers(failed, "a failure inside");
    EXPECT_EQ(header(failed, "X-RateLimit-Remaining"), std::to_string(before)) << "the answer shows it given back";
  }
  EXPECT_EQ(remaining(), before);
}

TEST_F(LimitHeadersTest, AToolThatRefusesIsChargedAndSaysWhenToComeBack) {
  const int before = remaining();
  const auto refused = call("fail", {{"text", "conflict"}}, {.key = "free"});

  expect_headers(refused, "a refusal by the tool");
  EXPECT_EQ(header(refused, "Retry-After"), "2");
  EXPECT_EQ(remaining(), before - 1);
}

TEST_F(LimitHeadersTest, TheHeadOfAStreamCarriesThem) {
  const Json params = {{"name", "wait_for_it"}, {"_meta", {{"progressToken", "t1"}}}};
  const auto exchange = modern("tools/call", params, {.key = "free"});

  ASSERT_NE(exchange->stream(), nullptr);
  expect_headers(exchange, "a stream");
  exchange->stream()->close();
}

}  // namespace
}  // namespace weir::mcp

#include "server/error_reply.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace weir::server {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

limits::Decision refused() {
  limits::Decision decision;
  decision.is_allowed = false;
  decision.tier = "free";
  decision.decided_at = from_unix_ms(1'739'373'224'600);
  decision.retry_after = milliseconds{11'480};
  decision.states.push_back({.name = "minute",
                             .limit = 100,
                             .window = milliseconds{60'000},
                             .remaining = 0,
                             .reset_at = decision.decided_at + milliseconds{11'480}});
  return decision;
}

std::string header(const http::Headers& headers, std::string_view name) {
  return std::string(headers.find(name).value_or("(absent)"));
}

TEST(ErrorReplyTest, EveryErrorCodeHasAStatusAJsonRpcCodeAndAnObject) {
  for (int number = 0; number <= static_cast<int>(kLastErrorCode); ++number) {
    const auto code = static_cast<ErrorCode>(number);
    const std::string name(to_string(code));
    SCOPED_TRACE(name);
    const int status = http_status(code);
    const int rpc = json_rpc_code(code);
    const Json object = error_object(Error(code, "What to do."), "req_1");
    const http::Response response = error_response(Error(code, "What to do."), "req_1");

    EXPECT_GE(status, 400);
    EXPECT_LE(status, 504);
    // MCP 2026-07-28: no own code within -32768 to -32000 but JSON-RPC's.
    EXPECT_TRUE(rpc > 0 || rpc == -32600 || rpc == -32601 || rpc == -32602 || rpc == -32603) << rpc;
    EXPECT_EQ(object, (Json{{"error", name},
                            {"message", "What to do."},
                            {"detail", "What to do."},
                            {"status", status},
                            {"request_id", "req_1"}}));
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_EQ(header(response.headers, "X-Request-ID"), "req_1");
    EXPECT_EQ(parse_json(response.body).value(), object);
    EXPECT_EQ(response.headers.count("WWW-Authenticate"), status == 401 || name == "insufficient_scope" ? 1U : 0U);
  }
}

TEST(ErrorReplyTest, StatusesAreThoseOfTheDocumentedTable) {
  const char* const source = std::getenv("WEIR_SOURCE_DIR");
  if (source == nullptr) GTEST_SKIP() << "run by ctest, which says where the tree is";
  std::ifstream file(std::string(source) + "/docs/reference/errors.md");
  std::stringstream page;
  page << file.rdbuf();

  for (int number = 0; number <= static_cast<int>(kLastErrorCode); ++number) {
    const auto code = static_cast<ErrorCode>(number);
    const std::string row = "| `" + std::string(to_string(code)) + "` | " + std::to_string(http_status(code)) + " | " +
                            std::to_string(json_rpc_code(code)) + " |";
    EXPECT_THAT(page.str(), HasSubstr(row));
  }
}

TEST(ErrorReplyTest, FieldsAndRetryAreShownAndTheCauseIsNot) {
  const Error error = Error(ErrorCode::unavailable, "Try again.")
                          .because("disk I/O error in weir.db")
                          .with_field("url", "is empty")
                          .retry_in(milliseconds{1'200});

  const http::Response response = error_response(error, "req_1");
  const Json body = parse_json(response.body).value();

  EXPECT_EQ(body["errors"], Json::parse(R"([{"field": "url", "message": "is empty"}])"));
  EXPECT_EQ(body["retryAfter"], 2);
  EXPECT_EQ(body["retry_after_ms"], 1'200);
  EXPECT_EQ(header(response.headers, "Retry-After"), "2");
  EXPECT_THAT(response.body, ::testing::Not(HasSubstr("disk")));
}

TEST(ErrorReplyTest, ARefusalHasTheDocumentedBody) {
  const Json expected = Json::parse(R"({
    "error": "rate_limit_exceeded", "status": 429,
    "message": "Rate limit of 100 requests per minute exceeded. Retry after 12 seconds.",
    "detail": "Rate limit of 100 requests per minute exceeded. Retry after 12 seconds.",
    "retryAfter": 12, "retry_after_ms": 11480, "limit": 100, "remaining": 0, "reset": 1739373237, "policy": "minute",
    "tier": "free", "request_id": "req_01J"})");

  EXPECT_EQ(refusal_object(refused(), "req_01J"), expected);
  EXPECT_EQ(parse_json(refusal_response(refused(), "req_01J").body).value(), expected);
}

TEST(ErrorReplyTest, ARefusalHasBothHeaderFamiliesAndRetryAfter) {
  const http::Response response = refusal_response(refused(), "req_1");

  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(header(response.headers, "X-RateLimit-Limit"), "100");
  EXPECT_EQ(header(response.headers, "X-RateLimit-Remaining"), "0");
  EXPECT_EQ(header(response.headers, "X-RateLimit-Reset"), "1739373237");
  EXPECT_EQ(header(response.headers, "RateLimit-Policy"), R"("minute";q=100;w=60)");
  EXPECT_EQ(header(response.headers, "RateLimit"), R"("minute";r=0;t=12)");
  EXPECT_EQ(header(response.headers, "Retry-After"), "12");
  EXPECT_EQ(header(response.headers, "X-Request-ID"), "req_1");
}

TEST(ErrorReplyTest, AnAdmittedCallShowsEveryPolicyAndTheTightestOne) {
  limits::Decision decision = refused();
  decision.is_allowed = true;
  decision.retry_after = milliseconds{0};
  decision.states.clear();
  decision.states.push_back({"minute", 500, milliseconds{60'000}, 487, decision.decided_at + milliseconds{11'001}});
  decision.states.push_back({"scans-day", 500, std::chrono::hours{24}, 3, decision.decided_at + milliseconds{5'000}});
  decision.tightest = 1;
  http::Headers headers;

  add_rate_headers(headers, decision);
  add_rate_headers(headers, decision);  // replaces, never repeats

  EXPECT_EQ(header(headers, "X-RateLimit-Limit"), "500");
  EXPECT_EQ(header(headers, "X-RateLimit-Remaining"), "3");
  EXPECT_EQ(header(headers, "RateLimit-Policy"), R"("minute";q=500;w=60, "scans-day";q=500;w=86400)");
  EXPECT_EQ(header(headers, "RateLimit"), R"("scans-day";r=3;t=5)");
  EXPECT_EQ(headers.count("Retry-After"), 0U);
  EXPECT_EQ(headers.count("X-RateLimit-Limit"), 1U);
}

TEST(ErrorReplyTest, ResetIsRoundedUpSoThatWhoWaitsForItIsRight) {
  limits::Decision decision = refused();
  http::Headers headers;
  decision.states[0].reset_at = from_unix_ms(1'739'373'225'000);
  add_rate_headers(headers, decision);
  EXPECT_EQ(header(headers, "X-RateLimit-Reset"), "1739373225");
  decision.states[0].reset_at = from_unix_ms(1'739'373'225'001);
  add_rate_headers(headers, decision);
  EXPECT_EQ(header(headers, "X-RateLimit-Reset"), "1739373226");
}

TEST(ErrorReplyTest, AnUnlimitedKeyShowsItsTierAndNoNumbers) {
  limits::Decision decision;
  decision.is_unlimited = true;
  decision.tier = "admin";
  http::Headers headers;

  add_rate_headers(headers, decision);

  EXPECT_EQ(header(headers, "X-RateLimit-Tier"), "admin");
  EXPECT_EQ(headers.fields().size(), 1U);
}

TEST(ErrorReplyTest, RetryAfterIsWholeSecondsAndAtLeastOne) {
  EXPECT_EQ(retry_after_seconds(milliseconds{0}), 1);
  EXPECT_EQ(retry_after_seconds(milliseconds{1}), 1);
  EXPECT_EQ(retry_after_seconds(milliseconds{1'000}), 1);
  EXPECT_EQ(retry_after_seconds(milliseconds{1'001}), 2);
}

TEST(ErrorReplyTest, TheMessageNamesTheWindowAndCountsInWords) {
  limits::Decision decision = refused();
  decision.retry_after = milliseconds{400};
  decision.states[0].limit = 1;
  EXPECT_EQ(refusal_message(decision), "Rate limit of 1 request per minute exceeded. Retry after 1 second.");
  decision.states[0].window = std::chrono::hours{24};
  EXPECT_THAT(refusal_message(decision), HasSubstr("per day"));
  decision.states[0].window = milliseconds{90'000};
  EXPECT_THAT(refusal_message(decision), HasSubstr("per 90 seconds"));
}

TEST(ErrorReplyTest, ChallengesFollowRfc6750) {
  const auto challenge = [](const Error& error) {
    return header(error_response(error, "r").headers, "WWW-Authenticate");
  };

  EXPECT_EQ(challenge(Error(ErrorCode::unauthorized, "none was sent")), R"(Bearer realm="weir")");
  EXPECT_EQ(challenge(Error(ErrorCode::unauthorized, "wrong").with_field("Authorization", "is not accepted")),
            R"(Bearer realm="weir", error="invalid_token")");
  EXPECT_EQ(challenge(Error(ErrorCode::api_key_expired, "old")), R"(Bearer realm="weir", error="invalid_token")");
  EXPECT_EQ(challenge(Error(ErrorCode::insufficient_scope, "no").with_field("scope", "scans:run")),
            R"(Bearer error="insufficient_scope", scope="scans:run")");
  EXPECT_EQ(challenge(Error(ErrorCode::forbidden, "no")), "(absent)");
}

}  // namespace
}  // namespace weir::server

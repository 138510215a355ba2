// Both header families on every route and on every status that a known caller gets, streams included.
#include "tests/unit/rest/rest_fixture.h"

namespace weir::rest {
namespace {

class LimitHeadersTest : public RestTest {
 protected:
  LimitHeadersTest() {
    const auto caller = add_caller("dave", "free");
    free_key_ = add_key(caller->account_id, {"read", "write"});
    reader_key_ = add_key(caller->account_id, {"targets:read"});
  }
  Answer ask(const std::string& method, const std::string& target, const std::string& body = "",
             const std::string& lines = "") {
    return ask_with("Authorization: Bearer " + free_key_ + "\r\nContent-Type: application/json\r\n" + lines, method,
                    target, body);
  }
  static void expect_headers(const Answer& answer, const std::string& what) {
    SCOPED_TRACE(what + " answered " + std::to_string(answer.status));
    for (const char* name :
         {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "X-Request-ID"}) {
      EXPECT_NE(answer.header(name), "") << name;
    }
    EXPECT_EQ(answer.header("RateLimit-Policy"), R"("minute";q=100;w=60, "scans-day";q=50;w=86400)");
  }

  std::string free_key_;
  std::string reader_key_;
};

TEST_F(LimitHeadersTest, EveryRouteCarriesThem) {
  for (const Route& route : rest_->routes()) {
    if (route.is_public) continue;
    std::string path = route.path;
    for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{')) {
      path.replace(at, path.find('}') - at + 1, "scn_00000000000000000000000000");
    }
    expect_headers(ask(route.method, path, route.method == "GET" ? "" : "{}"), route.method + " " + path);
  }
}

TEST_F(LimitHeadersTest, EveryRefusalAndFaultCarriesThem) {
  expect_headers(ask("GET", "/v1/scans"), "200");
  expect_headers(ask("GET", "/v1/nothing"), "404");
  expect_headers(ask("GET", "/v1/scans/scn_00000000000000000000000000"), "404 of a scan");
  expect_headers(ask("PUT", "/v1/scans"), "405");
  expect_headers(ask("POST", "/v1/scans", "{\"profile\": 7}"), "422");
  const Answer forbidden = ask_with("Authorization: Bearer " + reader_key_ + "\r\n", "GET", "/v1/scans");
  EXPECT_EQ(forbidden.status, 403);
  expect_headers(forbidden, "403");
}

TEST_F(LimitHeadersTest, ARefusalSaysWhenToComeBack) {
  Answer answer;
  for (int i = 0; i < 101; ++i) answer = ask("GET", "/v1/targets");

  EXPECT_EQ(answer.status, 429);
  expect_headers(answer, "429");
  const std::string seconds = answer.header("Retry-After");
  ASSERT_NE(seconds, "");
  EXPECT_LE(std::stoi(seconds), 60);
  EXPECT_EQ(answer.json()["retryAfter"], std::stoi(seconds));
  EXPECT_EQ(answer.json()["policy"], "minute");
}

TEST_F(LimitHeadersTest, AFailureOfOursIsNotChargedAndSaysSo) {
  const Answer before = ask("GET", "/v1/scans");
  ASSERT_TRUE(database_->write([](store::Transaction& transaction) -> Result<void> {
    auto broken = transaction.execute("ALTER TABLE scans RENAME TO lost");
    if (!broken) return std::move(broken).error();
    return {};
  }));

  const Answer failed = ask("GET", "/v1/scans");

  EXPECT_EQ(failed.status, 500);
  expect_headers(failed, "500");
  EXPECT_EQ(failed.header("X-RateLimit-Remaining"), before.header("X-RateLimit-Remaining"));
}

TEST_F(LimitHeadersTest, AScanThatWasNotStartedDoesNotSpendTheDay) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("POST", "/v1/scans", R"({"url": "http://nobody.example/"})").status, 404);

  const Answer last = ask("POST", "/v1/scans", R"({"url": "http://nobody.example/"})");

  // The day's scans were given back, so the minute is not the tighter one by them.
  EXPECT_EQ(ask("GET", "/v1/quota").json()["policies"][1]["remaining"], 50);
  EXPECT_EQ(ask("GET", "/v1/quota").header("X-RateLimit-Remaining"), "96");
  expect_headers(last, "404 of a target");
}

}  // namespace
}  // namespace weir::rest

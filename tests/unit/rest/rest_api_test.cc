#include "tests/unit/rest/rest_fixture.h"

namespace weir::rest {
namespace {

using RestApiTest = RestTest;

std::string filled(const std::string& path) {
  std::string out;
  bool is_inside = false;
  for (const char c : path) {
    if (c == '{') out += "x";
    is_inside = c == '{' || (is_inside && c != '}');
    if (!is_inside && c != '}') out += c;
  }
  return out;
}

TEST_F(RestApiTest, EveryRouteButThePublicOnesRefusesAMissingAndAWrongKey) {
  std::set<std::string> open;
  for (const Route& route : rest_->routes()) {
    const Answer without = ask_with("", route.method, filled(route.path));
    const Answer wrong = ask_with("X-API-Key: wk_nonsense\r\n", route.method, filled(route.path));
    if (route.is_public) {
      open.insert(route.path);
      EXPECT_EQ(without.status, 200) << route.path;
      continue;
    }
    EXPECT_EQ(without.status, 401) << route.method << " " << route.path;
    EXPECT_EQ(wrong.status, 401) << route.method << " " << route.path;
    EXPECT_TRUE(without.header("WWW-Authenticate").starts_with("Bearer")) << route.path;
  }
  EXPECT_THAT(open, ::testing::ElementsAre("/", "/healthz", "/openapi.json", "/readyz"));
}

TEST_F(RestApiTest, EveryRouteRefusesAKeyWithoutItsScope) {
  const std::string key = add_key(bob_->account_id, {"runs:approve"});
  for (const Route& route : rest_->routes()) {
    if (route.is_public || route.scope == tools::Scope::none) continue;
    const Answer answer = ask_with("Authorization: Bearer " + key + "\r\n", route.method, filled(route.path));
    EXPECT_EQ(answer.status, 403) << route.method << " " << route.path;
    EXPECT_EQ(answer.json()["error"], "insufficient_scope") << route.path;
  }
}

TEST_F(RestApiTest, AResourceIsCreatedReadAndDeleted) {
  const Answer created = post("/v1/targets", {{"url", "http://localhost:9/"}, {"attest", true}});
  const std::string id = created.json()["id"];
  const Answer read = get("/v1/targets/" + id);
  const Answer deleted = ask_with(bearer(), "DELETE", "/v1/targets/" + id + "?confirm_host=localhost");

  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.header("Location"), "/v1/targets/" + id);
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.json()["url"], "http://localhost:9/");
  EXPECT_EQ(deleted.status, 200) << deleted.body;
  EXPECT_EQ(get("/v1/targets/" + id).status, 404);
}

TEST_F(RestApiTest, EveryStatusCarriesRateHeadersAndTheRequestsId) {
  const std::vector<Answer> answers = {get("/v1/targets", "X-Request-ID: mine-1\r\n"),
                                       get("/v1/targets?limit=0", "X-Request-ID: mine-1\r\n"),
                                       get("/v1/nothing", "X-Request-ID: mine-1\r\n"),
                                       ask_with(bearer() + "X-Request-ID: mine-1\r\n", "PUT", "/v1/targets")};

  EXPECT_EQ(answers[0].status, 200);
  EXPECT_EQ(answers[1].status, 422);
  EXPECT_EQ(answers[2].status, 404);
  EXPECT_EQ(answers[3].status, 405);
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.header("X-Request-ID"), "mine-1");
    EXPECT_EQ(answer.header("X-RateLimit-Limit"), "1000") << answer.status;
    EXPECT_EQ(answer.headers.count("X-Request-ID"), 1U);
    EXPECT_EQ(answer.headers.count("X-RateLimit-Limit"), 1U);
  }
}

TEST_F(RestApiTest, RefusalsHaveTheOneErrorShape) {
  const Answer answer = get("/v1/targets?limit=abc&colour=red");

  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  const Json error = answer.json();
  EXPECT_EQ(error["error"], "validation_failed");
  EXPECT_EQ(error["status"], 422);
  EXPECT_EQ(error["detail"], error["message"]);
  EXPECT_EQ(error["request_id"], answer.header("X-Request-ID"));
  ASSERT_EQ(error["errors"].size(), 2U);
  EXPECT_EQ(error["errors"][0]["field"], "colour");
  EXPECT_EQ(error["errors"][1]["field"], "limit");
}

TEST_F(RestApiTest, UnknownPathsAndMethodsSayWhatThereIs) {
  const Answer path = get("/v1/scan");
  const Answer method = ask_with(bearer(), "PUT", "/v1/targets");

  EXPECT_NE(path.json()["message"].get<std::string>().find("/v1/scans"), std::string::npos);
  EXPECT_EQ(method.header("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(ask_with("", "GET", "/favicon.ico").status, 404);
}

TEST_F(RestApiTest, BodiesThatAreNoJsonAreRefused) {
  EXPECT_EQ(ask_with(bearer() + "Content-Type: text/plain\r\n", "POST", "/v1/targets", "{}").status, 415);
  EXPECT_EQ(ask_with(bearer() + "Content-Type: application/json\r\n", "POST", "/v1/targets", "{").status, 400);
}

TEST_F(RestApiTest, AnUnchangedResourceIsNotSentTwice) {
  const Answer first = get("/v1/checks");
  const Answer second = get("/v1/checks", "If-None-Match: \"other\", W/" + first.header("ETag") + "\r\n");
  const Answer third = get("/v1/checks?group=cookies", "If-None-Match: " + first.header("ETag") + "\r\n");

  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(second.status, 304);
  EXPECT_TRUE(second.body.empty());
  EXPECT_EQ(second.header("ETag"), first.header("ETag"));
  EXPECT_EQ(third.status, 200);
}

TEST_F(RestApiTest, HeadHasTheHeadersOfGetAndNoBody) {
  const Answer answer = ask_with(bearer(), "HEAD", "/v1/checks");

  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.header("ETag").empty());
  EXPECT_TRUE(answer.body.empty());
}

TEST_F(RestApiTest, AReportIsSentAsItIs) {
  jobs_->start();
  const std::string id = scan(make_target())["id"];

  const Answer markdown = get("/v1/scans/" + id + "/report");
  const Answer json = get("/v1/scans/" + id + "/report?format=json");

  EXPECT_EQ(markdown.header("Content-Type"), "text/markdown; charset=utf-8");
  EXPECT_NE(markdown.body.find("hdr.csp.missing"), std::string::npos);
  EXPECT_TRUE(json.json().is_object());
}

TEST_F(RestApiTest, ARepeatedCreationSaysThatItWasReplayed) {
  const Json body = {{"url", "http://localhost:9/"}, {"attest", true}};
  const Answer first = post("/v1/targets", body, "Idempotency-Key: one\r\n");
  const Answer again = post("/v1/targets", body, "Idempotency-Key: one\r\n");
  const Answer other =
      post("/v1/targets", {{"url", "http://localhost:8/"}, {"attest", true}}, "Idempotency-Key: one\r\n");

  EXPECT_EQ(first.header("Idempotency-Replayed"), "");
  EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.json()["error"], "idempotency_mismatch");
}

TEST_F(RestApiTest, AWaitingCallAnswersWhenTheScanHasEnded) {
  const std::string target_id = make_target();
  const Answer started = post("/v1/scans", {{"target_id", target_id}, {"profile", "passive"}});
  jobs_->start();

  const Answer ended = get("/v1/scans/" + started.json()["id"].get<std::string>() + "?wait_seconds=20");

  EXPECT_EQ(started.status, 202);
  EXPECT_EQ(started.json()["trigger"], "api");
  EXPECT_EQ(ended.json()["status"], "completed");
  EXPECT_FALSE(ended.header("X-RateLimit-Limit").empty());
}

TEST_F(RestApiTest, ABusyTargetSaysWhenToComeBack) {
  const std::string target_id = make_target();
  post("/v1/scans", {{"target_id", target_id}, {"profile", "passive"}});

  const Answer busy = post("/v1/scans", {{"target_id", target_id}, {"profile", "passive"}});

  EXPECT_EQ(busy.status, 409);
  EXPECT_EQ(busy.json()["error"], "target_busy");
  EXPECT_TRUE(busy.json().contains("retryAfter"));
}

}  // namespace
}  // namespace weir::rest

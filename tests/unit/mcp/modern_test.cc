// 2026-07-28: each request stands alone.
#include "server/mcp/instructions.h"
#include "server/mcp/methods.h"
#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

using ModernTest = EndpointTest;
using ::testing::HasSubstr;

TEST_F(ModernTest, DiscoverTellsWhatIsServed) {
  const Json found = result(modern("server/discover"));

  EXPECT_EQ(found["resultType"], "complete");
  EXPECT_EQ(found["supportedVersions"], Json::array({"2026-07-28"}));
  EXPECT_TRUE(found["capabilities"].contains("tools"));
  EXPECT_EQ(found["cacheScope"], "public");
  EXPECT_GT(found["ttlMs"], 0);
  EXPECT_EQ(found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "weir");
  EXPECT_LT(found["instructions"].get<std::string>().size(), kInstructionsBytesMax);
}

TEST_F(ModernTest, ListsEveryToolWithItsFourHints) {
  const Json found = result(modern("tools/list"));

  ASSERT_EQ(found["tools"].size(), world_.catalog().tools().size());
  EXPECT_EQ(found["cacheScope"], "private");
  EXPECT_TRUE(found["ttlMs"].is_number_integer());
  for (const Json& tool : found["tools"]) {
    for (const char* hint : {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}) {
      EXPECT_TRUE(tool["annotations"][hint].is_boolean()) << tool;
    }
    EXPECT_EQ(tool["outputSchema"]["type"], "object");
  }
}

TEST_F(ModernTest, ListsOnlyWhatTheKeyMayCall) {
  const Json found = result(modern("tools/list", {}, {.key = "reader"}));

  std::vector<std::string> names;
  for (const Json& tool : found["tools"]) names.push_back(tool["name"]);
  EXPECT_THAT(names, ::testing::ElementsAre("get_state", "say", "fail"));
}

TEST_F(ModernTest, TakesTheEmptyCursorAndNoOther) {
  EXPECT_TRUE(result(modern("tools/list", {{"cursor", ""}})).contains("tools"));

  const auto refused = modern("tools/list", {{"cursor", "abc"}});
  EXPECT_EQ(error_code(refused), -32602);
  EXPECT_EQ(status(refused), 200);
}

TEST_F(ModernTest, CallsAToolAndAnswersInTextAndStructure) {
  const auto exchange = call("say", {{"text", "hello"}});

  EXPECT_EQ(status(exchange), 200);
  EXPECT_EQ(body(exchange)["id"], 1);
  EXPECT_EQ(result(exchange)["isError"], false);
  EXPECT_EQ(result(exchange)["resultType"], "complete");
  EXPECT_EQ(result(exchange)["structuredContent"], Json({{"text", "hello"}}));
  EXPECT_EQ(result(exchange)["content"][0]["text"], "Said it.");
  EXPECT_EQ(result(exchange)["content"][1]["text"], R"({"text":"hello"})");
}

TEST_F(ModernTest, CallsAToolWithoutArguments) {
  EXPECT_EQ(result(modern("tools/call", {{"name", "get_state"}}))["structuredContent"]["ok"], true);
}

TEST_F(ModernTest, SendsADocumentAsTheText) {
  const Json found = result(call("read_report"));

  ASSERT_EQ(found["content"].size(), 1U);
  EXPECT_EQ(found["content"][0]["text"], "# Report\n");
}

TEST_F(ModernTest, AnswersWrongArgumentsWithAResultThatNamesThem) {
  const auto exchange = call("say", {{"text", 5}});

  EXPECT_EQ(status(exchange), 200);
  EXPECT_EQ(result(exchange)["isError"], true);
  EXPECT_THAT(result(exchange)["content"][0]["text"].get<std::string>(), HasSubstr("text"));
  EXPECT_EQ(result(exchange)["structuredContent"]["error"], "validation_failed");
  EXPECT_EQ(result(exchange)["structuredContent"]["errors"][0]["field"], "text");
}

TEST_F(ModernTest, AnswersAFailedToolWithAResult) {
  const Json found = result(call("fail", {{"text", "conflict"}}));

  EXPECT_EQ(found["isError"], true);
  EXPECT_THAT(found["content"][0]["text"].get<std::string>(), HasSubstr("Retry after 2 seconds."));
  EXPECT_EQ(found["structuredContent"]["error"], "conflict");
}

TEST_F(ModernTest, NeverShowsTheCauseOfAnInternalError) {
  const auto exchange = call("fail", {{"text", "internal"}});

  EXPECT_EQ(result(exchange)["structuredContent"]["error"], "internal");
  EXPECT_THAT(exchange->response()->body, ::testing::Not(HasSubstr("the disk said no")));
}

TEST_F(ModernTest, GivesBackWhatAnInternalErrorCost) {
  call("fail", {{"text", "internal"}}, {.key = "free"});

  EXPECT_EQ(result(call("say", {{"text", "x"}}, {.key = "free"}))["_meta"]["weir/rateLimit"]["remaining"], 99);
}

TEST_F(ModernTest, RefusesAnUnknownTool) {
  const auto exchange = call("no_such_tool");

  EXPECT_EQ(error_code(exchange), -32602);
  EXPECT_EQ(status(exchange), 200);
  EXPECT_EQ(body(exchange)["id"], 1);
}

TEST_F(ModernTest, RefusesAMissingNameAndArgumentsOfAnotherType) {
  EXPECT_EQ(error_code(modern("tools/call", {}, {.more_headers = {{"Mcp-Name", "x"}}})), -32602);
  EXPECT_EQ(error_code(call("say", Json::array())), -32602);
}

TEST_F(ModernTest, RefusesAnUnknownMethodWith404) {
  for (const char* method :
       {"initialize", "ping", "logging/setLevel", "tasks/list", "nonsense", "notifications/initialized"}) {
    const auto exchange = modern(method);
    EXPECT_EQ(status(exchange), 404) << method;
    EXPECT_EQ(error_code(exchange), -32601) << method;
    EXPECT_EQ(body(exchange)["id"], 1) << method;
  }
}

TEST_F(ModernTest, RefusesACallBeyondTheScopesWith403AndAChallenge) {
  const auto exchange = call("change", {}, {.key = "reader"});

  EXPECT_EQ(status(exchange), 403);
  EXPECT_EQ(body(exchange)["id"], 1);
  EXPECT_EQ(header(exchange, "WWW-Authenticate"), R"(Bearer error="insufficient_scope", scope="targets:write")");
  EXPECT_EQ(body(exchange)["error"]["data"]["error"], "insufficient_scope");
}

TEST_F(ModernTest, NeverMintsASession) {
  EXPECT_EQ(header(modern("tools/list", {}, {.session = "whatever"}), "Mcp-Session-Id"), "");
}

TEST_F(ModernTest, AcknowledgesANotification) {
  Json notification = modern_body("notifications/cancelled", {{"requestId", 1}});
  notification.erase("id");
  const auto exchange = post(to_text(notification), {});

  EXPECT_EQ(status(exchange), 202);
  EXPECT_EQ(exchange->response()->body, "");
}

TEST_F(ModernTest, RefusesARequestThatForgotItsId) {
  Json request = modern_body("tools/list");
  request.erase("id");

  EXPECT_EQ(error_code(post(to_text(request), {})), -32600);
}

TEST_F(ModernTest, AnswersAsAStreamToAClientThatReadsNothingElse) {
  const auto exchange = call("say", {{"text", "x"}}, {.accept = "text/event-stream"});

  EXPECT_EQ(exchange->response()->content_type, "text/event-stream");
  ASSERT_EQ(exchange->stream()->messages().size(), 1U);
  EXPECT_EQ(exchange->stream()->messages()[0]["result"]["isError"], false);
  EXPECT_TRUE(exchange->stream()->is_closed());
}

// What a known caller's request looks like when HTTP itself is wrong; rows 2 to 6.
TEST_F(ModernTest, RefusesWhatIsWrongAroundTheMessage) {
  struct Case {
    const char* what;
    Posted how;
    std::string body;
    int status;
    int code;
  };
  const std::string right = to_text(modern_body("tools/list"));
  const std::vector<Case> cases{
      {"PUT", {.http_method = "PUT"}, right, 405, -32000},
      {"GET", {.http_method = "GET"}, "", 405, -32000},
      {"no content type", {.content_type = ""}, right, 415, -32000},
      {"a form", {.content_type = "application/x-www-form-urlencoded"}, right, 415, -32000},
      {"too large", {}, std::string(1024 * 1024 + 1, ' '), 413, -32000},
      {"accepts neither", {.accept = "text/html"}, right, 406, -32000},
      {"not JSON", {}, "{", 400, -32700},
      {"no message", {}, "{}", 400, -32600},
      {"foreign origin", {.more_headers = {{"Origin", "http://evil.example"}}}, right, 403, -32000},
      {"two hosts", {.more_headers = {{"Host", "evil.example"}}}, right, 403, -32000},
  };
  for (const Case& each : cases) {
    const auto exchange = post(each.body, each.how);
    EXPECT_EQ(status(exchange), each.status) << each.what;
    EXPECT_EQ(error_code(exchange), each.code) << each.what;
    EXPECT_TRUE(body(exchange)["id"].is_null()) << each.what;
    EXPECT_NE(header(exchange, "X-Request-ID"), "") << each.what;
    EXPECT_EQ(header(exchange, "Allow"), each.status != 405                ? ""
                                         : std::string(each.what) == "GET" ? "POST"
                                                                           : "POST, GET, DELETE")
        << each.what;
  }
}

// Each row with the row behind it wrong too: the earlier one answers.
TEST_F(ModernTest, ChecksInTheOrderOfTheSpecification) {
  EXPECT_EQ(status(post("{", {.key = "", .content_type = "text/plain", .more_headers = {{"Origin", "null"}}})), 403)
      << "1 before 3";
  EXPECT_EQ(status(post("{", {.key = "", .http_method = "PUT"})), 405) << "2 before 3";
  EXPECT_EQ(status(post("{", {.key = "", .content_type = "text/plain"})), 401) << "3 before 4";
  EXPECT_EQ(status(post(std::string(1024 * 1024 + 1, 'x'), {.content_type = "text/plain"})), 415) << "4 before 5";
  EXPECT_EQ(status(post(std::string(1024 * 1024 + 1, 'x'), {})), 413) << "5 before 6";
  Json no_capabilities = modern_body("nonsense");
  no_capabilities["params"]["_meta"].erase("io.modelcontextprotocol/clientCapabilities");
  EXPECT_EQ(error_code(post(to_text(no_capabilities), {.version = "2025-11-25"})), -32602) << "9 before 10";
  EXPECT_EQ(error_code(post(to_text(modern_body("nonsense")), {})), -32020) << "12 before 13";
  EXPECT_EQ(status(modern("nonsense", {}, {.key = "reader"})), 404) << "13 before 16";
  EXPECT_EQ(status(call("change", Json::array(), {.key = "reader"})), 403) << "16 before 17";
}

TEST_F(ModernTest, AnswersAStrangerWithThePlainChallenge) {
  const auto exchange = modern("tools/list", {}, {.key = ""});

  EXPECT_EQ(status(exchange), 401);
  EXPECT_THAT(header(exchange, "WWW-Authenticate"), HasSubstr("Bearer"));
  EXPECT_THAT(header(exchange, "WWW-Authenticate"), ::testing::Not(HasSubstr("resource_metadata")));
  EXPECT_EQ(body(exchange)["error"], "unauthorized");
}

TEST_F(ModernTest, EchoesTheCallersRequestId) {
  EXPECT_EQ(header(modern("tools/list", {}, {.more_headers = {{"X-Request-ID", "mine-1"}}}), "X-Request-ID"), "mine-1");
}

// The rule that no call reaches a tool without passing the gate, for everything that the table holds.
TEST_F(ModernTest, EveryMethodAsksForAKey) {
  int peer = 0;
  for (const Method& method : all_methods()) {
    for (const Revision revision : kAllRevisions) {
      if (revision < method.first || method.last < revision) continue;
      Json message = has_sessions(revision) ? Json{{"jsonrpc", "2.0"}, {"method", method.name}}
                                            : modern_body(std::string(method.name));
      if (method.kind == Message::Kind::request) message["id"] = 1;
      // Each from an address of its own: one that fails too often is told to wait instead.
      const auto exchange =
          post(to_text(message), {.key = "", .session = "x", .peer = "10.0.0." + std::to_string(++peer)});
      EXPECT_EQ(status(exchange), 401) << method.name;
    }
  }
  for (const char* http_method : {"GET", "DELETE"}) {
    EXPECT_EQ(status(post("", {.key = "", .http_method = http_method})), 401) << http_method;
  }
}

TEST_F(ModernTest, EveryMethodOfEveryRevisionShowsTheStateOfTheLimits) {
  for (const Method& method : all_methods()) {
    if (method.last < kModernRevision || method.kind != Message::Kind::request) continue;
    EXPECT_EQ(header(modern(std::string(method.name), {{"name", "get_state"}}, {.key = "free"}), "X-RateLimit-Limit"),
              "100")
        << method.name;
  }
}

}  // namespace
}  // namespace weir::mcp

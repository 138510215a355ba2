// 2025-03-26 to 2025-11-25: sessions.
#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

using SessionTest = EndpointTest;
using ::testing::Each;

constexpr const char* kSessionRevisions[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};

Json initialize(const std::string& version) {
  return {{"jsonrpc", "2.0"},
          {"id", 1},
          {"method", "initialize"},
          {"params",
           {{"protocolVersion", version},
            {"capabilities", Json::object()},
            {"clientInfo", {{"name", "t"}, {"version", "1"}}}}}};
}

TEST_F(SessionTest, EchoesAVersionThatItSpeaks) {
  for (const char* version : kSessionRevisions) {
    EXPECT_EQ(result(post(to_text(initialize(version)), {}))["protocolVersion"], version);
  }
}

TEST_F(SessionTest, OffersItsLatestForAnyOtherVersion) {
  for (const char* version : {"2024-10-07", "2099-01-01", "2026-07-28", "x"}) {
    EXPECT_EQ(result(post(to_text(initialize(version)), {}))["protocolVersion"], "2025-11-25") << version;
  }
}

TEST_F(SessionTest, MintsAnUnguessableVisibleId) {
  const std::string first = open_session();
  const std::string second = open_session();

  EXPECT_NE(first, second);
  EXPECT_EQ(first.size(), kSessionIdCharacters);
  for (const char c : first) EXPECT_TRUE(c > 0x20 && c < 0x7f);
}

TEST_F(SessionTest, ServesToolsPingAndTheInitializedNotification) {
  for (const char* version : kSessionRevisions) {
    const std::string session = open_session(version);
    EXPECT_EQ(status(post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", {.session = session})), 202);
    EXPECT_EQ(result(in_session(session, "ping")), Json::object());
    EXPECT_EQ(result(in_session(session, "tools/list"))["tools"].size(), world_.catalog().tools().size());
    EXPECT_EQ(result(in_session(session, "tools/call", {{"name", "say"}, {"arguments", {{"text", "x"}}}}))["isError"],
              false);
  }
}

TEST_F(SessionTest, SendsOnlyFieldsThatTheRevisionKnows) {
  struct Case {
    const char* version;
    bool has_titles;
    bool has_structure;
  };
  for (const Case& each :
       {Case{"2025-03-26", false, false}, Case{"2025-06-18", true, true}, Case{"2025-11-25", true, true}}) {
    const Json opened = result(post(to_text(initialize(each.version)), {}));
    EXPECT_EQ(opened["serverInfo"].contains("title"), each.has_titles) << each.version;
    EXPECT_EQ(opened["serverInfo"].contains("description"), std::string(each.version) == "2025-11-25") << each.version;
    const std::string session = open_session(each.version);
    const Json list = result(in_session(session, "tools/list"));
    EXPECT_EQ(list["tools"][0].contains("title"), each.has_titles) << each.version;
    EXPECT_EQ(list["tools"][0].contains("outputSchema"), each.has_structure) << each.version;
    EXPECT_TRUE(list["tools"][0].contains("annotations")) << each.version;
    EXPECT_FALSE(list.contains("ttlMs") || list.contains("cacheScope") || list.contains("resultType")) << each.version;
    const Json answer = result(in_session(session, "tools/call", {{"name", "get_state"}}));
    EXPECT_EQ(answer.contains("structuredContent"), each.has_structure) << each.version;
    EXPECT_FALSE(answer.contains("resultType")) << each.version;
    EXPECT_FALSE(answer["_meta"].contains("io.modelcontextprotocol/serverInfo")) << each.version;
  }
}

TEST_F(SessionTest, AsksForTheSessionId) {
  const auto exchange = in_session("", "tools/list");

  EXPECT_EQ(status(exchange), 400);
  EXPECT_EQ(body(exchange)["id"], 1);
}

TEST_F(SessionTest, Answers404ToAnUnknownSession) {
  for (const std::string& id : {std::string("x"), std::string(kSessionIdCharacters, 'a'), std::string(5'000, 'a'),
                                std::string("' OR 1=1 --")}) {
    const auto exchange = in_session(id, "tools/list");
    EXPECT_EQ(status(exchange), 404) << id;
    EXPECT_EQ(error_code(exchange), -32001) << id;
  }
}

TEST_F(SessionTest, EndsWithDelete) {
  const std::string session = open_session();

  EXPECT_EQ(status(post("", {.session = session, .http_method = "DELETE"})), 204);
  EXPECT_EQ(status(in_session(session, "ping")), 404);
  EXPECT_EQ(status(post("", {.session = session, .http_method = "DELETE"})), 404);
  EXPECT_EQ(status(post("", {.http_method = "DELETE"})), 400);
}

TEST_F(SessionTest, SurvivesARestart) {
  const std::string session = open_session("2025-06-18");
  world_.reopen();

  EXPECT_EQ(result(in_session(session, "ping")), Json::object());
  EXPECT_EQ(status(in_session(session, "tools/list")), 200);
}

TEST_F(SessionTest, IsNotAnotherKeysToUseOrEnd) {
  const std::string session = open_session();

  EXPECT_EQ(status(in_session(session, "ping", {}, "other")), 404);
  EXPECT_EQ(status(post("", {.key = "other", .session = session, .http_method = "DELETE"})), 404);
  EXPECT_EQ(status(in_session(session, "ping")), 200);
}

TEST_F(SessionTest, IsNoKey) {
  const std::string session = open_session();

  EXPECT_EQ(status(in_session(session, "ping", {}, "")), 401);
}

TEST_F(SessionTest, ExpiresWhenItIsIdle) {
  const std::string session = open_session();
  world_.clock().advance(std::chrono::hours{23});
  EXPECT_EQ(status(in_session(session, "ping")), 200);
  world_.clock().advance(std::chrono::hours{23});
  EXPECT_EQ(status(in_session(session, "ping")), 200) << "using it starts the time anew";
  world_.clock().advance(std::chrono::hours{25});

  EXPECT_EQ(status(in_session(session, "ping")), 404);
}

TEST_F(SessionTest, SweepsWhatIsIdle) {
  open_session();
  testing::FakeRandom random{9};
  Sessions sessions(world_.database(), world_.clock(), random, std::chrono::hours{24});
  EXPECT_EQ(must(sessions.sweep()), 0);
  world_.clock().advance(std::chrono::hours{25});

  EXPECT_EQ(must(sessions.sweep()), 1);
}

TEST_F(SessionTest, RefusesAVersionHeaderThatItDoesNotSpeak) {
  const std::string session = open_session();
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";

  EXPECT_EQ(status(post(ping, {.session = session, .version = "1999-01-01"})), 400);
  EXPECT_EQ(status(post(ping, {.session = session, .version = "2025-03-26"})), 200);
}

TEST_F(SessionTest, TellsOfAnUnknownMethodInBand) {
  const auto exchange = in_session(open_session(), "nonsense");

  EXPECT_EQ(status(exchange), 200) << "404 would mean that the session is gone";
  EXPECT_EQ(error_code(exchange), -32601);
}

TEST_F(SessionTest, DoesNotKnowTheMethodsOfTheOtherEra) {
  EXPECT_EQ(error_code(in_session(open_session(), "server/discover")), -32601);
}

TEST_F(SessionTest, RefusesInitializeWithoutAVersionInBand) {
  const auto exchange = post(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})", {});

  EXPECT_EQ(status(exchange), 200);
  EXPECT_EQ(error_code(exchange), -32602);
}

TEST_F(SessionTest, AcknowledgesResponsesAndUnknownNotifications) {
  const std::string session = open_session();

  EXPECT_EQ(status(post(R"({"jsonrpc":"2.0","id":9,"result":{}})", {.session = session})), 202);
  EXPECT_EQ(status(post(R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed"})", {.session = session})),
            202);
  EXPECT_EQ(status(post(R"({"jsonrpc":"2.0","id":9,"result":{}})", {})), 400);
}

TEST_F(SessionTest, AnswersABatchInTheOrderOfItsRequests) {
  const std::string session = open_session("2025-03-26");
  const auto exchange = post(
      R"([{"jsonrpc":"2.0","id":"a","method":"ping"},{"jsonrpc":"2.0","method":"notifications/cancelled"},7,
          {"jsonrpc":"2.0","id":"b","method":"nonsense"},{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"get_state"}}])",
      {.session = session});

  EXPECT_EQ(status(exchange), 200);
  const Json answers = body(exchange);
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_EQ(answers[0]["id"], "a");
  EXPECT_EQ(answers[1]["error"]["code"], -32600);
  EXPECT_EQ(answers[2]["error"]["code"], -32601);
  EXPECT_EQ(answers[3]["result"]["isError"], false);
}

TEST_F(SessionTest, AcknowledgesABatchWithoutRequests) {
  const auto exchange =
      post(R"([{"jsonrpc":"2.0","method":"notifications/cancelled"},{"jsonrpc":"2.0","id":1,"result":{}}])",
           {.session = open_session("2025-03-26")});

  EXPECT_EQ(status(exchange), 202);
}

TEST_F(SessionTest, RefusesABatchInLaterRevisions) {
  for (const char* version : {"2025-06-18", "2025-11-25"}) {
    const auto exchange = post(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])", {.session = open_session(version)});
    EXPECT_EQ(status(exchange), 400) << version;
    EXPECT_EQ(error_code(exchange), -32600) << version;
  }
}

TEST_F(SessionTest, NeverOpensASessionInABatch) {
  EXPECT_EQ(status(post("[" + to_text(initialize("2025-03-26")) + "]", {})), 400);
}

TEST_F(SessionTest, WaitsForTheSlowestOfABatch) {
  const auto exchange = post(
      R"([{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait_for_it"}},{"jsonrpc":"2.0","id":2,"method":"ping"}])",
      {.session = open_session("2025-03-26")});
  EXPECT_EQ(status(exchange), 0);
  world_.append("scan.completed");

  ASSERT_TRUE(testing::eventually([&] { return status(exchange) != 0; }));
  EXPECT_EQ(body(exchange)[0]["result"]["structuredContent"], Json()) << "2025-03-26 knows no structuredContent";
  EXPECT_EQ(body(exchange)[0]["result"]["content"][0]["text"], "It ended.");
}

}  // namespace
}  // namespace weir::mcp

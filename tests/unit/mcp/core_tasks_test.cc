// Tasks of 2025-11-25, and the same provider through the extension.
#include "tests/unit/mcp/endpoint_fixture.h"
#include "tests/unit/mcp/watched_notes.h"

namespace weir::mcp {
namespace {

class CoreTasksTest : public EndpointTest {
 protected:
  CoreTasksTest() {
    Offers offers;
    offers.tasks = &tasks_;
    world_.offer(std::move(offers));
    session_ = open_session();
  }
  ~CoreTasksTest() override { world_.offer({}); }

  std::shared_ptr<FakeExchange> say(Json more = {{"task", Json::object()}}) {
    more["name"] = "say";
    more["arguments"] = {{"text", "x"}};
    return in_session(session_, "tools/call", std::move(more));
  }
  std::shared_ptr<FakeExchange> ask(const std::string& method, const std::string& id = HandTasks::kId) {
    return in_session(session_, method, {{"taskId", id}});
  }
  // The answer, on a stream or not.
  static Json answer(const std::shared_ptr<FakeExchange>& exchange) {
    return exchange->stream() != nullptr ? exchange->stream()->messages().back() : body(exchange);
  }

  HandTasks tasks_;
  std::string session_;
};

TEST_F(CoreTasksTest, AreAdvertisedOnlyIn2025_11_25) {
  const auto capabilities = [&](const std::string& version) {
    return result(post(to_text({{"jsonrpc", "2.0"},
                                {"id", 1},
                                {"method", "initialize"},
                                {"params",
                                 {{"protocolVersion", version},
                                  {"capabilities", Json::object()},
                                  {"clientInfo", {{"name", "t"}, {"version", "1"}}}}}}),
                       {}))["capabilities"];
  };

  EXPECT_TRUE(capabilities("2025-11-25")["tasks"]["requests"]["tools"].contains("call"));
  EXPECT_FALSE(capabilities("2025-06-18").contains("tasks"));
  EXPECT_FALSE(result(modern("server/discover"))["capabilities"].contains("tasks"));
}

TEST_F(CoreTasksTest, AreSaidOfTheToolsThatCanBeOne) {
  const Json list = result(in_session(session_, "tools/list"));
  for (const Json& tool : list["tools"]) {
    if (tool["name"] == "say") {
      EXPECT_EQ(tool["execution"]["taskSupport"], "optional");
    } else {
      EXPECT_FALSE(tool.contains("execution")) << tool["name"];
    }
  }
}

TEST_F(CoreTasksTest, AnswerACallThatAsksForOne) {
  const Json task = result(say())["task"];

  EXPECT_EQ(task["taskId"], HandTasks::kId);
  EXPECT_EQ(task["status"], "working");
  EXPECT_TRUE(task["ttl"].is_null());
  EXPECT_FALSE(result(say(Json::object())).contains("task")) << "nobody asked for one";
}

TEST_F(CoreTasksTest, AreRefusedWhereAToolHasNone) {
  EXPECT_EQ(error_code(in_session(session_, "tools/call", {{"name", "get_state"}, {"task", Json::object()}})), -32601);
}

TEST_F(CoreTasksTest, MeanNothingInOtherRevisions) {
  session_ = open_session("2025-06-18");

  EXPECT_EQ(result(say())["isError"], false);
  EXPECT_EQ(error_code(ask("tasks/get")), -32601);
}

TEST_F(CoreTasksTest, CanBeReadAndListed) {
  EXPECT_EQ(result(ask("tasks/get"))["status"], "working");
  EXPECT_EQ(result(in_session(session_, "tasks/list"))["tasks"].size(), 1U);
  EXPECT_EQ(error_code(ask("tasks/get", "none")), -32602);
  EXPECT_EQ(error_code(in_session(session_, "tasks/list", {{"cursor", "x"}})), -32602);
}

TEST_F(CoreTasksTest, HoldTheResultUntilTheyEnd) {
  const auto waiting = ask("tasks/result");
  ASSERT_NE(waiting->stream(), nullptr);
  EXPECT_TRUE(waiting->stream()->messages().empty());

  tasks_.end(TaskStatus::completed,
             {{"result", {{"content", Json::array()}, {"resultType", "complete"}, {"isError", false}}}});

  ASSERT_TRUE(testing::eventually([&] { return waiting->stream()->is_closed(); }));
  const Json result = answer(waiting)["result"];
  EXPECT_EQ(result["_meta"]["io.modelcontextprotocol/related-task"]["taskId"], HandTasks::kId);
  EXPECT_FALSE(result.contains("resultType"));
}

TEST_F(CoreTasksTest, AskTheClientWhatTheyAskForAndOnlyOnce) {
  const std::string session = open_session("2025-11-25", "admin", {{"elicitation", Json::object()}});
  const auto waiting = in_session(session, "tasks/result", {{"taskId", HandTasks::kId}});
  const Json requests = {{"tcl_1", {{"method", "elicitation/create"}, {"params", {{"message", "May it?"}}}}}};

  tasks_.end(TaskStatus::input_required, {{"inputRequests", requests}});
  ASSERT_TRUE(testing::eventually([&] { return !waiting->stream()->messages().empty(); }));
  const Json request = waiting->stream()->messages().front();
  EXPECT_EQ(request["method"], "elicitation/create");
  EXPECT_EQ(request["params"]["_meta"]["io.modelcontextprotocol/related-task"]["taskId"], HandTasks::kId);
  post(to_text({{"jsonrpc", "2.0"}, {"id", request["id"]}, {"result", {{"action", "decline"}}}}), {.session = session});

  ASSERT_TRUE(testing::eventually([&] { return tasks_.answers().size() == 1; }));
  EXPECT_EQ(tasks_.answers().front(), Json({{"tcl_1", {{"action", "decline"}}}}));
  tasks_.end(TaskStatus::input_required, {{"inputRequests", requests}});
  tasks_.end(TaskStatus::completed, {{"result", {{"content", Json::array()}}}});
  ASSERT_TRUE(testing::eventually([&] { return waiting->stream()->is_closed(); }));
  EXPECT_EQ(waiting->stream()->messages().size(), 2U) << "the question and the result";
}

TEST_F(CoreTasksTest, DoNotAskAClientThatCannotAskPeople) {
  const auto waiting = ask("tasks/result");

  tasks_.end(TaskStatus::input_required,
             {{"inputRequests", {{"tcl_1", {{"method", "elicitation/create"}, {"params", Json::object()}}}}}});
  tasks_.end(TaskStatus::completed, {{"result", {{"content", Json::array()}}}});

  ASSERT_TRUE(testing::eventually([&] { return waiting->stream()->is_closed(); }));
  EXPECT_EQ(waiting->stream()->messages().size(), 1U);
}

TEST_F(CoreTasksTest, FailWithTheToolAndWithTheProtocol) {
  tasks_.end(TaskStatus::completed, {{"result", {{"content", Json::array()}, {"isError", true}}}});
  EXPECT_EQ(result(ask("tasks/get"))["status"], "failed");
  EXPECT_EQ(result(ask("tasks/result"))["isError"], true);

  tasks_.end(TaskStatus::failed, {{"error", {{"code", -32603}, {"message", "broken"}}}});
  EXPECT_EQ(error_code(ask("tasks/result")), -32603);
}

TEST_F(CoreTasksTest, AreCancelledOnce) {
  EXPECT_EQ(result(ask("tasks/cancel"))["status"], "cancelled");
  EXPECT_EQ(error_code(ask("tasks/cancel")), -32602);
  EXPECT_NE(error_code(ask("tasks/result")), 0);
}

TEST_F(CoreTasksTest, AreTheExtensionsForAClientOf2026_07_28) {
  Json message = modern_body("tools/call", {{"name", "say"}, {"arguments", {{"text", "x"}}}});
  message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]["extensions"]
         ["io.modelcontextprotocol/tasks"] = Json::object();

  const Json task = result(post(to_text(message), {.has_modern_headers = true}));
  EXPECT_EQ(task["resultType"], "task");
  EXPECT_EQ(task["taskId"], HandTasks::kId);
  EXPECT_TRUE(task["_meta"].contains("weir/rateLimit"));

  tasks_.end(TaskStatus::completed, Json::object());
  EXPECT_EQ(result(post(to_text(message), {.has_modern_headers = true}))["resultType"], "complete")
      << "what has ended is answered as it is";
}

}  // namespace
}  // namespace weir::mcp

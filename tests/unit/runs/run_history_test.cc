#include "tests/unit/runs/runs_fixture.h"

namespace weir::tools::runs {
namespace {

class RunHistoryTest : public RunToolsTest {
 protected:
  RunHistoryTest() {
    add_agent("posture", playbook());
    add_agent("triage", model());
  }
};

TEST_F(RunHistoryTest, RunsAreListedNewestFirstAndFiltered) {
  const std::string first = started();
  const std::string second = started("triage");
  const std::string third = started();
  end_run(first, "completed");
  const auto ids = [&](const Json& arguments) {
    std::vector<std::string> found;
    const Json runs = call("list_runs", arguments);
    for (const Json& run : runs["data"]) found.push_back(run["id"]);
    return found;
  };

  EXPECT_EQ(ids(Json::object()), (std::vector<std::string>{third, second, first}));
  EXPECT_EQ(ids({{"agent_id", "posture"}}), (std::vector<std::string>{third, first}));
  EXPECT_EQ(ids({{"status", "completed"}}), (std::vector<std::string>{first}));
  const Json page = call("list_runs", {{"limit", 2}});
  EXPECT_FALSE(page["data"][0].contains("input"));
  EXPECT_EQ(ids({{"limit", 2}, {"cursor", page["next_cursor"]}}), (std::vector<std::string>{first}));
  EXPECT_EQ(must(call_as(bob_, "list_runs", Json::object())).structured["data"].size(), 0U);
}

TEST_F(RunHistoryTest, ARunTellsAsMuchAsIsAskedFor) {
  const std::string id = started("triage");
  const std::string asked = ask(id);
  write([&](store::Transaction& t) -> Result<void> {
    store::RunStepRow step;
    step.run_id = id;
    step.step_id = "turn1";
    step.tool = "model";
    step.result = {{"text", "hello"}};
    if (auto put = store::put_run_step(t, step); !put) return put;
    if (auto said = store::append_run_message(
            t, {.run_id = id, .position = 0, .role = "user", .content = "hi", .created_at = clock_.now()});
        !said) {
      return said.error();
    }
    return store::append_run_attempt(t, {.run_id = id,
                                         .subject = "model",
                                         .n = 1,
                                         .outcome = "ok",
                                         .detail = "",
                                         .started_at = clock_.now(),
                                         .finished_at = clock_.now()});
  });

  const Json plain = call("get_run", {{"run_id", id}});
  const Json full =
      call("get_run", {{"run_id", id}, {"include", {"steps", "tool_calls", "output", "messages", "attempts"}}});

  EXPECT_FALSE(plain.contains("steps"));
  EXPECT_FALSE(plain.contains("messages"));
  EXPECT_TRUE(plain.contains("output"));
  EXPECT_EQ(full["steps"][0]["result"]["text"], "hello");
  EXPECT_EQ(full["tool_calls"][0]["id"], asked);
  EXPECT_EQ(full["messages"][0]["content"], "hi");
  EXPECT_EQ(full["attempts"][0]["outcome"], "ok");
  EXPECT_EQ(refusal("get_run", {{"run_id", id}, {"include", {"everything"}}}).code, ErrorCode::validation_failed);
  EXPECT_EQ(refusal_for(bob_, "get_run", {{"run_id", id}}).code, ErrorCode::not_found);
}

TEST_F(RunHistoryTest, EventsOfOneRunAreListed) {
  const std::string id = started();
  started();
  call("cancel_run", {{"run_id", id}});

  const Json page = call("list_run_events", {{"run_id", id}, {"limit", 1}});
  const Json rest = call("list_run_events", {{"run_id", id}, {"after", page["next_after"]}});

  EXPECT_EQ(page["data"][0]["type"], "run.queued");
  ASSERT_EQ(rest["data"].size(), 1U);
  EXPECT_EQ(rest["data"][0]["type"], "run.cancelled");
  EXPECT_EQ(rest["data"][0]["data"]["status"], "cancelled");
  EXPECT_EQ(refusal_for(bob_, "list_run_events", {{"run_id", id}}).code, ErrorCode::not_found);
}

TEST_F(RunHistoryTest, ToolCallsAreListedInTheirOrderPageByPage) {
  const std::string id = started();
  const std::vector<std::string> calls = {ask(id, "a"), ask(id, "b"), ask(id, "c")};

  const Json first = call("list_run_tool_calls", {{"run_id", id}, {"limit", 2}});
  const Json second = call("list_run_tool_calls", {{"run_id", id}, {"limit", 2}, {"cursor", first["next_cursor"]}});

  ASSERT_EQ(first["data"].size(), 2U);
  EXPECT_EQ(first["data"][0]["id"], calls[0]);
  EXPECT_EQ(first["data"][1]["approval"]["required_by"], "default");
  ASSERT_EQ(second["data"].size(), 1U);
  EXPECT_EQ(second["data"][0]["id"], calls[2]);
  EXPECT_TRUE(second["next_cursor"].is_null());
  EXPECT_EQ(call("list_run_tool_calls", {{"run_id", id}, {"status", "completed"}})["data"].size(), 0U);
  EXPECT_EQ(refusal_for(bob_, "list_run_tool_calls", {{"run_id", id}}).code, ErrorCode::not_found);
}

TEST_F(RunHistoryTest, EveryEventOfTheseToolsFitsItsPayload) {
  const std::string id = started("triage");
  const std::string one = ask(id, "one");
  const std::string two = ask(id, "two");
  hold(id, {one, two});
  respond(id, {decision(id, one, "allow")});
  respond(id, {decision(id, two, "deny")});
  change_run(id, [](store::RunRow& run) { run.status = "running"; });
  call("cancel_run", {{"run_id", id}});
  const std::string other = started();
  call("cancel_run", {{"run_id", other}});

  for (const std::string& run : {id, other}) {
    for (const streaming::Event& event : must(events_->read_after(run, 0, 100))) {
      const streaming::EventType* type = streaming::find_event_type(event.type);
      ASSERT_NE(type, nullptr) << event.type;
      for (const FieldError& violation : Schema(type->schema).violations(event.data)) {
        ADD_FAILURE() << event.type << ": " << violation.field << " " << violation.message << "\n"
                      << to_text(event.data);
      }
    }
  }
}

}  // namespace
}  // namespace weir::tools::runs

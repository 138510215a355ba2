#include "server/mcp_offers/work_tasks.h"

#include "tests/unit/mcp_offers/run_world.h"

namespace weir::mcp_offers::testing {
namespace {

using mcp::TaskAction;
using mcp::TaskStatus;
using tools::Scope;

class WorkTasksTest : public RunWorld {
 protected:
  WorkTasks tasks_{catalog_, *hub_, timers_};
};

TEST_F(WorkTasksTest, ARunsStatusIsTheTasks) {
  const std::vector<std::pair<std::string, TaskStatus>> expected = {
      {"queued", TaskStatus::working},       {"running", TaskStatus::working},
      {"cancelling", TaskStatus::working},   {"requires_action", TaskStatus::input_required},
      {"completed", TaskStatus::completed},  {"failed", TaskStatus::completed},
      {"incomplete", TaskStatus::completed}, {"expired", TaskStatus::completed},
      {"cancelled", TaskStatus::cancelled}};
  for (const auto& [status, task_status] : expected) {
    runs_["run_1"] = run("run_1", status);

    const auto task = tasks_.get(context(), "run_1");

    ASSERT_TRUE(task) << status;
    EXPECT_EQ(task->status, task_status) << status;
    EXPECT_EQ(task->poll_interval_ms.has_value(), !mcp::has_ended(task_status)) << status;
  }
}

TEST_F(WorkTasksTest, ARunThatFailedIsACompletedTaskWithAnError) {
  runs_["run_1"] = run("run_1", "failed");
  runs_["run_2"] = run("run_2", "completed");

  EXPECT_EQ(tasks_.get(context(), "run_1")->payload["result"]["isError"], true);
  EXPECT_EQ(tasks_.get(context(), "run_2")->payload["result"].value("isError", false), false);
}

TEST_F(WorkTasksTest, ARunThatWaitsAsksWithItsExactArguments) {
  runs_["run_1"] = run("run_1", "requires_action", {waiting_call("tcl_1", {{"url", "http://127.0.0.1:81/"}})});

  const auto task = tasks_.get(context(), "run_1");

  ASSERT_TRUE(task);
  const Json& request = task->payload["inputRequests"]["tcl_1"];
  EXPECT_EQ(request["method"], "elicitation/create");
  EXPECT_NE(request["params"]["message"].get<std::string>().find("http://127.0.0.1:81/"), std::string::npos);
  EXPECT_EQ(request["params"]["requestedSchema"]["properties"]["decision"]["enum"], Json({"allow", "deny"}));
}

TEST_F(WorkTasksTest, AnAnswerIsADecisionAboutWhatWasShown) {
  runs_["run_1"] = run("run_1", "requires_action",
                       {waiting_call("tcl_1", {}), waiting_call("tcl_2", {}), waiting_call("tcl_3", {})});

  const Json answers = {{"tcl_1", {{"action", "accept"}, {"content", {{"decision", "allow"}, {"reason", "mine"}}}}},
                        {"tcl_2", {{"action", "decline"}}},
                        {"tcl_3", {{"action", "cancel"}}},
                        {"unknown", {{"action", "accept"}}}};
  ASSERT_TRUE(tasks_.update(context(), "run_1", answers));

  ASSERT_EQ(responded_.size(), 1U);
  EXPECT_EQ(responded_[0]["decisions"], Json({{{"tool_call_id", "tcl_1"},
                                               {"arguments_sha256", "hash-of-tcl_1"},
                                               {"decision", "allow"},
                                               {"reason", "mine"}},
                                              {{"tool_call_id", "tcl_2"},
                                               {"arguments_sha256", "hash-of-tcl_2"},
                                               {"decision", "deny"},
                                               {"reason", "Declined."}}}));
}

TEST_F(WorkTasksTest, AnAnswerOfAnotherFormChangesNothing) {
  runs_["run_1"] = run("run_1", "requires_action", {waiting_call("tcl_1", {})});

  for (const Json& answer : {Json{{"action", "accept"}}, Json{{"action", "accept"}, {"content", {{"decision", "yes"}}}},
                             Json{{"action", "allow"}}, Json::object()}) {
    const auto done = tasks_.update(context(), "run_1", {{"tcl_1", answer}});
    ASSERT_FALSE(done) << answer;
    EXPECT_EQ(done.error().code, ErrorCode::validation_failed);
  }
  EXPECT_TRUE(responded_.empty());
}

TEST_F(WorkTasksTest, WhatDoesNotFitTheFormCannotBeAllowedThere) {
  runs_["run_1"] = run("run_1", "requires_action", {waiting_call("tcl_1", {{"text", std::string(9'000, 'x')}})});

  const auto task = tasks_.get(context(), "run_1");
  ASSERT_TRUE(task);
  const Json& form = task->payload["inputRequests"]["tcl_1"]["params"];
  EXPECT_EQ(form["requestedSchema"]["properties"]["decision"]["enum"], Json::array({"deny"}));
  const auto answer = [&](const std::string& word) {
    return tasks_.update(context(), "run_1", {{"tcl_1", {{"action", "accept"}, {"content", {{"decision", word}}}}}});
  };
  EXPECT_EQ(answer("allow").error().code, ErrorCode::validation_failed);
  EXPECT_TRUE(responded_.empty());
  EXPECT_TRUE(answer("deny"));
}

TEST_F(WorkTasksTest, EachKindDemandsItsOwnScopes) {
  EXPECT_EQ(tasks_.scope_of(TaskAction::get, "run_1"), Scope::runs_read);
  EXPECT_EQ(tasks_.scope_of(TaskAction::update, "run_1"), Scope::runs_approve);
  EXPECT_EQ(tasks_.scope_of(TaskAction::cancel, "run_1"), Scope::runs_run);
  EXPECT_EQ(tasks_.scope_of(TaskAction::get, "scn_1"), Scope::scans_read);
  EXPECT_EQ(tasks_.scope_of(TaskAction::cancel, "scn_1"), Scope::scans_run);
  EXPECT_EQ(tasks_.get(context(), "key_1").error().code, ErrorCode::not_found);
}

TEST_F(WorkTasksTest, ListsScansThenRunsAsFarAsTheKeyMayRead) {
  scans_["scn_1"] = {{"id", "scn_1"}, {"status", "completed"}};
  runs_["run_1"] = run("run_1", "running");

  const auto scans = tasks_.list(context(), "");
  ASSERT_TRUE(scans);
  ASSERT_EQ(scans->items.size(), 1U);
  EXPECT_EQ(scans->items[0].id, "scn_1");
  ASSERT_TRUE(scans->next_cursor);
  const auto runs = tasks_.list(context(), *scans->next_cursor);
  ASSERT_TRUE(runs);
  EXPECT_EQ(runs->items.at(0).id, "run_1");
  EXPECT_FALSE(runs->next_cursor);

  const auto only_runs = tasks_.list(context({"runs:read"}), "");
  ASSERT_TRUE(only_runs);
  EXPECT_EQ(only_runs->items.at(0).id, "run_1");
  EXPECT_FALSE(tasks_.list(context({"scans:read"}), "")->next_cursor);
  EXPECT_EQ(tasks_.list(context(), "x").error().code, ErrorCode::validation_failed);
}

TEST_F(WorkTasksTest, WatchersHearOfTheStatusNotOfThePieces) {
  runs_["run_1"] = run("run_1", "running");
  int told = 0;
  const auto watch = tasks_.watch(context(), "run_1", [&] { ++told; });
  ASSERT_NE(watch, nullptr);
  const auto publish = [&](const std::string& type) {
    streaming::Event event;
    event.account_id = "acc_1";
    event.resource_type = "run";
    event.resource_id = "run_1";
    event.type = type;
    hub_->publish(streaming::Published{.event = std::make_shared<streaming::Event>(event), .frame = nullptr});
  };

  publish("message.delta");
  EXPECT_EQ(told, 0);
  publish("run.requires_action");
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace weir::mcp_offers::testing

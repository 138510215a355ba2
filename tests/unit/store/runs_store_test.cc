#include "store/runs_store.h"

#include "store/agents_store.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class RunsStoreTest : public StoreTest {
 protected:
  RunsStoreTest() {
    add_account("acc_1");
    add_account("acc_2");
    for (const char* id : {"agt_1", "agt_2"}) {
      AgentRow agent;
      agent.id = id;
      agent.account_id = "acc_1";
      agent.slug = id;
      write([&](Transaction& t) { return insert_agent(t, agent); });
    }
  }
  static RunRow row(const std::string& id) {
    RunRow run;
    run.id = id;
    run.account_id = "acc_1";
    run.created_by_key = "key_1";
    run.agent_id = "agt_1";
    run.queued_at = at_ms(0);
    run.deadline_at = at_ms(100);
    return run;
  }
  void add(const RunRow& run) {
    write([&](Transaction& t) { return insert_run(t, run); });
  }
  RunRow stored(const std::string& id) {
    return read([&](Transaction& t) { return run_for_job(t, id); });
  }
  void set_status(const std::string& id, const std::string& status) {
    RunRow run = stored(id);
    const std::string from = run.status;
    run.status = status;
    write([&](Transaction& t) { return update_run(t, run, {from}); });
  }
  std::vector<std::string> list(const RunFilter& filter) {
    std::vector<std::string> ids;
    for (const auto& run : read([&](Transaction& t) { return list_runs(t, filter, {}); }).items) ids.push_back(run.id);
    return ids;
  }
  ToolCallRow add_call(const std::string& id, const std::string& key, const std::string& run = "run_1") {
    ToolCallRow call;
    call.id = id;
    call.run_id = run;
    call.call_key = key;
    call.step_id = "scan";
    call.name = "create_scan";
    call.arguments = {{"url", "https://a.test/"}};
    call.arguments_sha256 = "ab";
    call.created_at = at_ms(1);
    write([&](Transaction& t) { return insert_tool_call(t, call); });
    return call;
  }
};

TEST_F(RunsStoreTest, WhatARunIsMadeOfIsKept) {
  RunRow run = row("run_1");
  run.agent_version = 4;
  run.snapshot = {{"slug", "one"}};
  run.input = {{"target_id", "tgt_1"}};
  run.previous_run_id = "run_0";
  run.parent_run_id = "run_00";
  run.trigger = "mcp";
  add(run);

  const RunRow found = stored("run_1");
  EXPECT_EQ(found.status, "queued");
  EXPECT_EQ(found.agent_id, "agt_1");
  EXPECT_EQ(found.agent_version, 4);
  EXPECT_EQ(found.snapshot, run.snapshot);
  EXPECT_EQ(found.input, run.input);
  EXPECT_EQ(found.previous_run_id, "run_0");
  EXPECT_EQ(found.parent_run_id, "run_00");
  EXPECT_EQ(found.trigger, "mcp");
  EXPECT_EQ(found.created_by_key, "key_1");
  EXPECT_TRUE(found.output.is_null());
  EXPECT_TRUE(found.required_action.is_null());
}

TEST_F(RunsStoreTest, WhatCanChangeIsWritten) {
  add(row("run_1"));
  RunRow run = stored("run_1");
  run.status = "incomplete";
  run.incomplete_reason = "max_steps";
  run.required_action = {{"type", "approval"}};
  run.output = {{"markdown", "# x"}};
  run.usage = {{"tool_calls", 3}};
  run.limits = {{"max_steps", 20}};
  run.error_code = "e";
  run.error_message = "m";
  run.is_tainted = true;
  run.active_ms = 12;
  run.started_at = at_ms(1);
  run.finished_at = at_ms(2);
  run.deadline_at = at_ms(3);
  run.updated_at = at_ms(4);

  write([&](Transaction& t) { return update_run(t, run, {"queued"}); });

  const RunRow found = read([](Transaction& t) { return run_by_id(t, "acc_1", "run_1"); });
  EXPECT_EQ(found.status, "incomplete");
  EXPECT_EQ(found.incomplete_reason, "max_steps");
  EXPECT_EQ(found.required_action, run.required_action);
  EXPECT_EQ(found.output, run.output);
  EXPECT_EQ(found.usage, run.usage);
  EXPECT_EQ(found.limits, run.limits);
  EXPECT_EQ(found.error_code, "e");
  EXPECT_EQ(found.error_message, "m");
  EXPECT_TRUE(found.is_tainted);
  EXPECT_EQ(found.active_ms, 12);
  EXPECT_EQ(found.started_at, at_ms(1));
  EXPECT_EQ(found.finished_at, at_ms(2));
  EXPECT_EQ(found.deadline_at, at_ms(3));
  EXPECT_EQ(found.updated_at, at_ms(4));
}

TEST_F(RunsStoreTest, ARunDoesNotMoveOutOfAnotherStatus) {
  add(row("run_1"));
  set_status("run_1", "cancelled");
  RunRow run = stored("run_1");
  run.status = "completed";

  const auto done = database_->write([&](Transaction& t) { return update_run(t, run, {"running", "cancelling"}); });

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::conflict);
  EXPECT_THAT(done.error().message, ::testing::HasSubstr("cancelled"));
  run.id = "run_9";
  EXPECT_EQ(refusal([&](Transaction& t) { return update_run(t, run, {"running"}); }), ErrorCode::not_found);
}

TEST_F(RunsStoreTest, RunsAreListedAndCountedWithinTheirAccount) {
  for (const char* id : {"run_1", "run_2", "run_3"}) {
    RunRow run = row(id);
    if (run.id == "run_2") run.agent_id = "agt_2";
    add(run);
  }
  set_status("run_1", "running");

  EXPECT_EQ(list({.account_id = "acc_1", .agent_id = "", .status = ""}),
            (std::vector<std::string>{"run_3", "run_2", "run_1"}));
  EXPECT_EQ(list({.account_id = "acc_1", .agent_id = "agt_2", .status = ""}), (std::vector<std::string>{"run_2"}));
  EXPECT_EQ(list({.account_id = "acc_1", .agent_id = "", .status = "running"}), (std::vector<std::string>{"run_1"}));
  EXPECT_EQ(list({.account_id = "acc_2", .agent_id = "", .status = ""}), (std::vector<std::string>{}));
  EXPECT_EQ(refusal([](Transaction& t) { return run_by_id(t, "acc_2", "run_1"); }), ErrorCode::not_found);
  EXPECT_EQ(read([](Transaction& t) { return count_runs(t, "acc_1", {"queued", "requires_action"}); }), 2);
  EXPECT_EQ(read([](Transaction& t) { return count_runs(t, "acc_2", {"queued"}); }), 0);
  EXPECT_EQ(read(count_runs_by_status),
            (std::vector<std::pair<std::string, std::int64_t>>{{"queued", 2}, {"running", 1}}));
}

TEST_F(RunsStoreTest, OnlyRunsThatWorkHoldAPlace) {
  for (const char* id : {"run_1", "run_2", "run_3", "run_4"}) add(row(id));
  set_status("run_2", "running");
  set_status("run_3", "cancelling");
  set_status("run_4", "requires_action");

  const auto leases = read([](Transaction& t) { return leases_of(t, kRunLeases, "acc_1", at_ms(50)); });

  ASSERT_EQ(leases.size(), 2U);
  EXPECT_EQ(leases[0].id, "run_2");
  EXPECT_EQ(leases[1].id, "run_3");
}

TEST_F(RunsStoreTest, OverdueRunsComeTheOldestFirst) {
  for (const auto& [id, deadline] :
       std::vector<std::pair<std::string, int>>{{"run_1", 30}, {"run_2", 10}, {"run_3", 60}}) {
    RunRow run = row(id);
    run.deadline_at = at_ms(deadline);
    add(run);
  }
  const auto overdue = [&](const std::string& status, std::int64_t now, std::int64_t limit) {
    std::vector<std::string> ids;
    for (const auto& run : read([&](Transaction& t) { return overdue_runs(t, status, at_ms(now), limit); }))
      ids.push_back(run.id);
    return ids;
  };

  EXPECT_EQ(overdue("queued", 30, 10), (std::vector<std::string>{"run_2", "run_1"}));
  EXPECT_EQ(overdue("queued", 30, 1), (std::vector<std::string>{"run_2"}));
  EXPECT_EQ(overdue("queued", 9, 10), (std::vector<std::string>{}));
  EXPECT_EQ(overdue("requires_action", 100, 10), (std::vector<std::string>{}));
}

TEST_F(RunsStoreTest, AStepIsReplacedByItsEnd) {
  add(row("run_1"));
  RunStepRow step{.run_id = "run_1",
                  .step_id = "scan",
                  .position = 1,
                  .tool = "create_scan",
                  .status = "running",
                  .result = nullptr,
                  .error = nullptr,
                  .attempts = 1,
                  .is_tainted = false,
                  .started_at = at_ms(1),
                  .finished_at = {}};
  RunStepRow first = step;
  first.step_id = "before";
  first.position = 0;
  write([&](Transaction& t) { return put_run_step(t, step); });
  write([&](Transaction& t) { return put_run_step(t, first); });
  step.status = "failed";
  step.result = {{"id", "scn_1"}};
  step.error = {{"code", "x"}};
  step.attempts = 3;
  step.is_tainted = true;
  step.finished_at = at_ms(9);

  write([&](Transaction& t) { return put_run_step(t, step); });

  const auto steps = read([](Transaction& t) { return run_steps(t, "run_1"); });
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].step_id, "before");
  EXPECT_TRUE(steps[0].result.is_null());
  EXPECT_FALSE(steps[0].finished_at);
  EXPECT_EQ(steps[1].status, "failed");
  EXPECT_EQ(steps[1].result, step.result);
  EXPECT_EQ(steps[1].error, step.error);
  EXPECT_EQ(steps[1].attempts, 3);
  EXPECT_TRUE(steps[1].is_tainted);
  EXPECT_EQ(steps[1].finished_at, at_ms(9));
}

TEST_F(RunsStoreTest, ACallIsMadeOnceUnderItsKey) {
  add(row("run_1"));
  add(row("run_2"));
  add_call("tcl_1", "scan");
  add_call("tcl_2", "wait");
  add_call("tcl_3", "scan", "run_2");

  ToolCallRow again;
  again.id = "tcl_4";
  again.run_id = "run_1";
  again.call_key = "scan";

  EXPECT_EQ(refusal([&](Transaction& t) { return insert_tool_call(t, again); }), ErrorCode::conflict);
  EXPECT_EQ(read([](Transaction& t) { return tool_calls_of(t, "run_1"); }).size(), 2U);
  EXPECT_EQ(read([](Transaction& t) { return tool_call_by_key(t, "run_1", "wait"); })->id, "tcl_2");
  EXPECT_FALSE(read([](Transaction& t) { return tool_call_by_key(t, "run_2", "wait"); }));
  EXPECT_FALSE(read([](Transaction& t) { return tool_call_by_id(t, "run_2", "tcl_1"); }));
}

TEST_F(RunsStoreTest, WhatCanChangeOfACallIsWritten) {
  add(row("run_1"));
  ToolCallRow call = add_call("tcl_1", "scan");
  call.status = "completed";
  call.arguments = {{"url", "https://b.test/"}};
  call.arguments_sha256 = "cd";
  call.approval = {{"decision", "allow"}};
  call.result = {{"id", "scn_1"}};
  call.summary = "s";
  call.error = {{"code", "x"}};
  call.is_error = true;
  call.is_tainted = true;
  call.attempts = 2;
  call.started_at = at_ms(5);
  call.finished_at = at_ms(6);

  write([&](Transaction& t) { return update_tool_call(t, call, {"pending"}); });

  const ToolCallRow found = *read([](Transaction& t) { return tool_call_by_id(t, "run_1", "tcl_1"); });
  EXPECT_EQ(found.status, "completed");
  EXPECT_EQ(found.arguments, call.arguments);
  EXPECT_EQ(found.arguments_sha256, "cd");
  EXPECT_EQ(found.approval, call.approval);
  EXPECT_EQ(found.result, call.result);
  EXPECT_EQ(found.summary, "s");
  EXPECT_EQ(found.error, call.error);
  EXPECT_TRUE(found.is_error);
  EXPECT_TRUE(found.is_tainted);
  EXPECT_EQ(found.attempts, 2);
  EXPECT_EQ(found.started_at, at_ms(5));
  EXPECT_EQ(found.finished_at, at_ms(6));
  EXPECT_EQ(refusal([&](Transaction& t) { return update_tool_call(t, call, {"pending"}); }), ErrorCode::conflict);
  call.id = "tcl_9";
  EXPECT_EQ(refusal([&](Transaction& t) { return update_tool_call(t, call, {"pending"}); }), ErrorCode::not_found);
}

TEST_F(RunsStoreTest, MessagesAndAttemptsKeepTheirOrder) {
  add(row("run_1"));
  add(row("run_2"));
  const auto say = [&](const std::string& run, const std::string& role) {
    return write([&](Transaction& t) {
      return append_run_message(
          t, {.run_id = run, .position = 0, .role = role, .content = {{"text", role}}, .created_at = at_ms(3)});
    });
  };
  EXPECT_EQ(say("run_1", "user"), 0);
  EXPECT_EQ(say("run_1", "assistant"), 1);
  EXPECT_EQ(say("run_2", "user"), 0);
  for (const std::int64_t n : {1, 2}) {
    write([&](Transaction& t) {
      return append_run_attempt(t, {.run_id = "run_1",
                                    .subject = "model",
                                    .n = n,
                                    .outcome = "unavailable",
                                    .detail = "reset",
                                    .started_at = at_ms(n),
                                    .finished_at = at_ms(n + 1)});
    });
  }

  const auto messages = read([](Transaction& t) { return run_messages(t, "run_1"); });
  const auto attempts = read([](Transaction& t) { return run_attempts(t, "run_1"); });
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[1].role, "assistant");
  EXPECT_EQ(messages[1].content, (Json{{"text", "assistant"}}));
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[1].n, 2);
  EXPECT_EQ(attempts[1].detail, "reset");
  EXPECT_EQ(attempts[1].finished_at, at_ms(3));
}

TEST(RunStatusTest, OnlyFiveAreTerminal) {
  for (const char* status : {"completed", "failed", "cancelled", "incomplete", "expired"}) {
    EXPECT_TRUE(is_terminal_run_status(status)) << status;
  }
  for (const char* status : {"queued", "running", "requires_action", "cancelling", ""}) {
    EXPECT_FALSE(is_terminal_run_status(status)) << status;
  }
}

}  // namespace
}  // namespace weir::store

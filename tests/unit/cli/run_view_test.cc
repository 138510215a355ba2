#include "server/cli/run_view.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

// What a command prints, where standard output is no terminal: plain lines. Not thread-safe: owned by one test.
class RunViewTest : public ::testing::Test {
 protected:
  std::string shown(const std::vector<std::pair<std::string, Json>>& events,
                    RunView::Decisions decisions = RunView::Decisions::by_command) {
    ::testing::internal::CaptureStdout();
    Terminal terminal;
    RunView view("run_1", decisions, terminal);
    for (const auto& [type, data] : events) view.show(type, data);
    return ::testing::internal::GetCapturedStdout();
  }
  static std::string end_of(const Json& run) {
    ::testing::internal::CaptureStdout();
    Terminal terminal;
    RunView("run_1", RunView::Decisions::by_command, terminal).show_end(run);
    return ::testing::internal::GetCapturedStdout();
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(RunViewTest, AStepAndItsCallAreALineEachWithTheirDuration) {
  const std::string text =
      shown({{"step.started", {{"step_id", "scan"}, {"tool", "create_scan"}}},
             {"tool_call.completed",
              {{"name", "create_scan"},
               {"duration_ms", 3'210},
               {"is_error", false},
               {"status", "completed"},
               {"summary", "Scan scn_1 is queued."}}},
             {"step.completed", {{"step_id", "scan"}, {"status", "completed"}, {"duration_ms", 62'000}}}});

  EXPECT_EQ(text,
            "    create_scan            3.2 s  Scan scn_1 is queued.\n"
            "  scan                   1 min 2 s completed\n");
}

TEST_F(RunViewTest, AFailureSaysWhy) {
  const Json error = {{"code", "not_found"}, {"message", "There is no target."}};
  const std::string text = shown(
      {{"tool_call.failed", {{"name", "get_scan"}, {"status", "timed_out"}, {"is_error", true}, {"error", error}}},
       {"step.completed", {{"step_id", "wait"}, {"status", "failed"}, {"error", error}}}});

  EXPECT_TRUE(has(text, "timed_out  There is no target.")) << text;
  EXPECT_TRUE(has(text, "failed  There is no target.")) << text;
}

TEST_F(RunViewTest, AMessageFlowsAndIsNotPrintedTwice) {
  const Json whole = {{"text", "Two findings."}};
  const std::string live = shown({{"message.started", Json::object()},
                                  {"message.delta", {{"kind", "text"}, {"text", "Two "}}},
                                  {"message.delta", {{"kind", "text"}, {"text", "findings."}}},
                                  {"message.completed", whole}});
  const std::string later = shown(
      {{"message.started", Json::object()}, {"message.delta", {{"is_trimmed", true}}}, {"message.completed", whole}});

  EXPECT_EQ(live, "Two findings.\n");
  EXPECT_EQ(later, "Two findings.\n");
}

TEST_F(RunViewTest, AnOutputThatWasTheLastMessageIsNotPrintedAgain) {
  ::testing::internal::CaptureStdout();
  Terminal terminal;
  RunView view("run_1", RunView::Decisions::by_command, terminal);
  view.show("message.completed", {{"text", "Two findings."}});
  view.show_end({{"status", "completed"}, {"output", "Two findings."}});

  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "Two findings.\n\ncompleted\n");
}

TEST_F(RunViewTest, WhatIsAskedComesWithTheCommandsThatAnswer) {
  const std::vector<std::pair<std::string, Json>> events = {{"tool_call.approval_requested",
                                                             {{"tool_call_id", "tcl_1"},
                                                              {"name", "update_finding_status"},
                                                              {"arguments", {{"finding_id", "fnd_1"}}},
                                                              {"reason", "The playbook asks."},
                                                              {"expires_at", "2026-11-23T00:00:00.000Z"}}}};

  const std::string text = shown(events);

  for (const char* part : {"update_finding_status  tcl_1", "The playbook asks.", "{\"finding_id\":\"fnd_1\"}",
                           "2026-11-23T00:00:00.000Z", "weir runs approve run_1 tcl_1", "weir runs deny run_1 tcl_1"}) {
    EXPECT_TRUE(has(text, part)) << part << " in " << text;
  }
  EXPECT_FALSE(has(shown(events, RunView::Decisions::asked_here), "weir runs approve"));
}

TEST_F(RunViewTest, WaitingForTheRateLimitIsSaidWithItsTime) {
  EXPECT_TRUE(
      has(shown({{"run.status", {{"status", "running"}, {"waiting_for", "rate_limit"}, {"retry_after_ms", 12'000}}}}),
          "waiting for the rate limit, about 12 s"));
  EXPECT_EQ(shown({{"run.status", {{"status", "running"}, {"waiting_for", nullptr}}}}), "");
}

TEST_F(RunViewTest, WhatOthersWroteCannotDriveTheTerminal) {
  const std::string text =
      shown({{"message.delta", {{"kind", "text"}, {"text", "a\x1b[2Jb\nc\td\r"}}},
             {"tool_call.completed", {{"name", "get_report"}, {"is_error", false}, {"summary", "x\x1b]0;y\x07"}}}});

  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_TRUE(has(text, "b\nc\td"));
  EXPECT_EQ(output_text("\x1b[31mred"), "\\x1B[31mred");
}

TEST_F(RunViewTest, TheEndShowsTheOutputTheReasonAndTheUsage) {
  const std::string text = end_of({{"status", "incomplete"},
                                   {"incomplete_reason", "max_tokens"},
                                   {"output", {{"grade", "B"}, {"report", "# Report\n\nfine\n"}}},
                                   {"usage",
                                    {{"tool_calls", 5},
                                     {"wall_ms", 4'000},
                                     {"model_requests", 2},
                                     {"input_tokens", 10},
                                     {"output_tokens", nullptr},
                                     {"cost_microusd", 12'300}}}});

  EXPECT_TRUE(has(text, "grade: B\nreport:\n# Report\n\nfine")) << text;
  EXPECT_TRUE(has(text, "incomplete (max_tokens)")) << text;
  EXPECT_TRUE(has(text, "5 tool calls, 4.0 s, 10 tokens in, ? out, $0.0123")) << text;
}

TEST(RunExitCodeTest, FollowsTheRunAndTheGateInItsOutput) {
  const auto code = [](const std::string& status, const Json& output) {
    return run_exit_code({{"status", status}, {"output", output}});
  };

  EXPECT_EQ(code("completed", nullptr), kExitOk);
  EXPECT_EQ(code("completed", "text"), kExitOk);
  EXPECT_EQ(code("completed", {{"gate", {{"pass", true}}}}), kExitOk);
  EXPECT_EQ(code("completed", {{"gate", {{"pass", false}, {"conclusion", "failed"}}}}), kExitGateFailed);
  EXPECT_EQ(code("completed", {{"gate", {{"pass", false}, {"conclusion", "inconclusive"}}}}), kExitFailed);
  EXPECT_EQ(code("completed", {{"pass", false}}), kExitGateFailed);
  for (const char* status : {"failed", "cancelled", "incomplete", "expired"})
    EXPECT_EQ(code(status, nullptr), kExitFailed);
}

}  // namespace
}  // namespace weir::cli

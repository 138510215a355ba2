#include "tools/runs/run_views.h"

#include <gmock/gmock.h>

namespace weir::tools::runs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

store::RunRow run_in(const std::string& status) {
  store::RunRow run;
  run.id = "run_1";
  run.status = status;
  run.snapshot = {{"slug", "triage"}, {"definition", {{"kind", "model"}, {"provider", "local"}, {"model", ""}}}};
  return run;
}

TEST(RunViewsTest, AModelRunNamesItsProviderAndNoModelIsTheProvidersOwn) {
  const Json json = run_json(run_in("running"), {});

  EXPECT_EQ(json["kind"], "model");
  EXPECT_EQ(json["provider"], "local");
  EXPECT_TRUE(json["model"].is_null());
  EXPECT_EQ(json["next_poll_s"], kNextPollSeconds);
  EXPECT_EQ(json["usage"]["complete"], true);
}

TEST(RunViewsTest, TheSummarySaysWhatToDoNext) {
  EXPECT_THAT(run_summary(run_in("queued"), {}), HasSubstr("wait_seconds"));
  store::RunRow failed = run_in("failed");
  failed.error_message = "The key was revoked.";
  EXPECT_THAT(run_summary(failed, {}), HasSubstr("The key was revoked."));
  store::RunRow cut = run_in("incomplete");
  cut.incomplete_reason = "max_steps";
  cut.output = "half";
  EXPECT_THAT(run_summary(cut, {}), HasSubstr("(max_steps)"));
  EXPECT_THAT(run_summary(cut, {}), HasSubstr("half"));
  store::RunRow done = run_in("completed");
  done.output = {{"passed", true}};
  EXPECT_THAT(run_summary(done, {}), HasSubstr(R"({"passed":true})"));
}

TEST(RunViewsTest, ManyWaitingCallsAreNotAllNamedAndLongArgumentsAreCut) {
  std::vector<store::ToolCallRow> waiting;
  for (int i = 0; i < 8; ++i) {
    store::ToolCallRow call;
    call.id = "tcl_" + std::to_string(i);
    call.name = "create_scan";
    call.arguments = {{"note", std::string(5'000, 'x')}};
    waiting.push_back(call);
  }

  const std::string text = run_summary(run_in("requires_action"), waiting);

  EXPECT_THAT(text, HasSubstr("8 tool calls"));
  EXPECT_THAT(text, HasSubstr("tcl_4"));
  EXPECT_THAT(text, Not(HasSubstr("tcl_5")));
  EXPECT_THAT(text, HasSubstr("and 3 more"));
  EXPECT_LT(text.size(), 4'000U);
}

}  // namespace
}  // namespace weir::tools::runs

#include "tests/unit/playbook/playbook_lab.h"

namespace weir::tools::runs::testing {
namespace {

using OnError = agents::Step::OnError;
using std::chrono::seconds;

TEST(PlaybookStepsTest, AStepReadsWhatTheOnesBeforeItAnswered) {
  PlaybookLab lab;
  lab.input = {{"url", "http://a.example/"}};
  lab.step("scan", "scan", {{"url", "${inputs.url}"}, {"n", 3}});
  lab.step("report", "read",
           {{"of", "${steps.scan.result.key}"}, {"title", "run ${run.id} of ${steps.scan.result.args.url}"}});
  lab.agent.playbook.output = {{"args", "${steps.report.result.args}"}, {"status", "${steps.scan.status}"}};

  const EngineOutcome outcome = lab.run();

  ASSERT_EQ(outcome.kind, Kind::completed) << outcome.message;
  EXPECT_EQ(lab.wish("scan").arguments, (Json{{"url", "http://a.example/"}, {"n", 3}}));
  EXPECT_EQ(lab.wish("scan").step_id, "scan");
  EXPECT_EQ(
      outcome.output,
      Json::parse(R"({"args": {"of": "scan", "title": "run run_1 of http://a.example/"}, "status": "completed"})"));
  EXPECT_EQ(lab.events, (std::vector<std::string>{"begin scan", "end scan", "begin report", "end report"}));
}

TEST(PlaybookStepsTest, ACallThatIsAnsweredAtOnceLetsOthersBegin) {
  PlaybookLab lab;
  lab.duration = [](const CallWish&) { return std::chrono::milliseconds{0}; };
  lab.step("scan");
  lab.step("wait").needs = {"scan"};
  lab.step("report").needs = {"wait"};

  const EngineOutcome outcome = lab.run();

  ASSERT_EQ(outcome.kind, Kind::completed) << outcome.message;
  EXPECT_EQ(lab.status_of("report"), "completed");
}

TEST(PlaybookStepsTest, OutputAsIsTheNameForOthers) {
  PlaybookLab lab;
  lab.step("a").output_as = "first";
  lab.step("b", "read", {{"x", "${steps.first.result.key}"}});

  const EngineOutcome outcome = lab.run();

  ASSERT_EQ(outcome.kind, Kind::completed) << outcome.message;
  EXPECT_EQ(lab.wish("b").arguments.at("x"), "a");
}

TEST(PlaybookStepsTest, WithoutAnOutputTheLastStepsAreIt) {
  PlaybookLab lab;
  lab.step("a");
  lab.step("b").output_as = "bee";
  lab.step("c").needs = {"a"};
  lab.step("d").needs = {"a"};
  lab.steps().back().when = "false";

  const EngineOutcome outcome = lab.run();

  ASSERT_EQ(outcome.kind, Kind::completed) << outcome.message;
  ASSERT_EQ(outcome.output.size(), 2U) << outcome.output;
  EXPECT_EQ(outcome.output["bee"]["key"], "b");
  EXPECT_EQ(outcome.output["c"]["key"], "c");
}

TEST(PlaybookStepsTest, AnArgumentThatComesToNullIsLeftOut) {
  PlaybookLab lab;
  lab.step("a", "read", {{"x", "${default(inputs.x, null)}"}, {"y", {{"z", nullptr}}}, {"n", nullptr}});

  lab.run();

  EXPECT_EQ(lab.wish("a").arguments, Json::parse(R"({"y": {"z": null}})"));
}

TEST(PlaybookStepsTest, ATextIsAResultWhereThereIsNoOther) {
  PlaybookLab lab;
  lab.answer = [](const CallWish&) { return CallOutcome{.key = "", .text = "# Report"}; };
  lab.step("report");
  lab.agent.playbook.output = "${steps.report.result}";

  EXPECT_EQ(lab.run().output, "# Report");
}

TEST(PlaybookStepsTest, StepsThatNeedNothingOfEachOtherRunSideBySide) {
  PlaybookLab lab;
  lab.agent.limits.max_parallel = 3;
  for (const std::string id : {"a", "b", "c", "d", "e"}) lab.step(id).needs = {};
  lab.step("last").needs = {"a", "b", "c", "d", "e"};
  lab.duration = [](const CallWish&) { return milliseconds{1'000}; };
  const auto began = lab.clock.steady_now();

  ASSERT_EQ(lab.run().kind, Kind::completed);

  EXPECT_EQ(lab.most_at_once, 3U);
  EXPECT_EQ(lab.keys_made().back(), "last");
  EXPECT_EQ(lab.clock.steady_now() - began, seconds{3}) << "two rounds of five, and the last";
}

TEST(PlaybookStepsTest, AStepWaitsForAllThatItNeedsAndForNothingElse) {
  PlaybookLab lab;
  lab.step("quick").needs = {};
  lab.step("slow").needs = {};
  lab.step("after_quick").needs = {"quick"};
  lab.step("after_both").needs = {"quick", "slow"};
  lab.duration = [](const CallWish& wish) { return milliseconds{wish.key == "slow" ? 500 : 10}; };

  lab.run();

  EXPECT_EQ(lab.events,
            (std::vector<std::string>{"begin quick", "begin slow", "end quick", "begin after_quick", "end after_quick",
                                      "end slow", "begin after_both", "end after_both"}));
}

TEST(PlaybookStepsTest, WhatAStepReadsItNeeds) {
  PlaybookLab lab;
  lab.step("a").needs = {};
  lab.step("b", "read", {{"x", "${steps.a.result.key}"}}).needs = {};
  lab.step("c").needs = {};
  lab.steps().back().when = "steps.b.status == 'completed'";

  ASSERT_EQ(lab.run().kind, Kind::completed);

  EXPECT_EQ(lab.keys_made(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(PlaybookStepsTest, WhenFalseSkipsAndSaysWhy) {
  PlaybookLab lab;
  lab.step("a").when = "${inputs.go}";
  lab.step("b").when = "!inputs.go";
  lab.input = {{"go", false}};

  ASSERT_EQ(lab.run().kind, Kind::completed);

  EXPECT_EQ(lab.keys_made(), std::vector<std::string>{"b"});
  EXPECT_EQ(lab.error_of("a"), "when: inputs.go is false");
  EXPECT_EQ(lab.events, (std::vector<std::string>{"skip a", "begin b", "end b"}));
}

TEST(PlaybookStepsTest, AWhenThatCannotBeDecidedFailsTheStep) {
  PlaybookLab lab;
  lab.step("a").when = "inputs.go";
  lab.input = {{"go", "yes"}};

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.code, "validation_failed");
  EXPECT_EQ(outcome.message,
            "step a: when: \"inputs.go\": a condition must be true or false, and this is of type string");
}

TEST(PlaybookStepsTest, AStepAfterASkippedOneRunsIfWhatItReadsIsThere) {
  PlaybookLab lab;
  lab.step("left").when = "false";
  lab.step("order").needs = {"left"};
  lab.step("otherwise", "read", {{"x", "${default(steps.left.result.id, 'none')}"}}).needs = {"left"};
  lab.step("status", "read", {{"x", "${steps.left.status}"}}).needs = {"left"};
  lab.step("reads", "read", {{"x", "${steps.left.result.id}"}}).needs = {"left"};
  lab.step("reads_too", "read", {{"x", "${steps.reads.result.id}"}}).needs = {"reads"};
  lab.step("each", "read").needs = {"left"};
  lab.steps().back().for_each = "steps.left.results";
  lab.step("asks", "read").needs = {"left"};
  lab.steps().back().when = "steps.left.result.ok";

  const EngineOutcome outcome = lab.run();

  ASSERT_EQ(outcome.kind, Kind::completed) << outcome.message;
  EXPECT_EQ(lab.keys_made(), (std::vector<std::string>{"order", "otherwise", "status"}));
  EXPECT_EQ(lab.wish("otherwise").arguments.at("x"), "none");
  EXPECT_EQ(lab.wish("status").arguments.at("x"), "skipped");
  EXPECT_EQ(lab.error_of("reads").substr(0, 33), "step left did not complete: step ");
  for (const std::string id : {"reads", "reads_too", "each", "asks"}) EXPECT_EQ(lab.status_of(id), "skipped") << id;
}

TEST(PlaybookStepsTest, AMissingValueOfACompletedStepIsAMistake) {
  PlaybookLab lab;
  lab.step("a");
  lab.step("b", "read", {{"x", "${steps.a.result.ID}"}});

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.code, "validation_failed");
  EXPECT_NE(outcome.message.find("step b: step b: args.x: \"steps.a.result.ID\": steps.a.result.ID is not there"),
            std::string::npos)
      << outcome.message;
  EXPECT_EQ(lab.status_of("b"), "failed");
}

TEST(PlaybookStepsTest, ForEachCallsOnceForEachItemAndKeepsTheirOrder) {
  PlaybookLab lab;
  lab.input = {{"list", {"x", "y", "z"}}};
  lab.step("each", "read", {{"it", "${item}"}, {"at", "${index}"}}).for_each = "${inputs.list}";
  lab.step("after", "read", {{"first", "${steps.each.results[0].args.it}"}, {"count", "${len(steps.each.results)}"}});
  lab.duration = [](const CallWish& wish) { return milliseconds{wish.key == "each[0]" ? 100 : 10}; };

  ASSERT_EQ(lab.run().kind, Kind::completed);

  EXPECT_EQ(lab.keys_made(), (std::vector<std::string>{"each[0]", "each[1]", "each[2]", "after"}));
  EXPECT_EQ(lab.wish("each[2]").arguments, Json::parse(R"({"it": "z", "at": 2})"));
  EXPECT_EQ(lab.wish("each[2]").step_id, "each");
  EXPECT_EQ(lab.wish("after").arguments, Json::parse(R"({"first": "x", "count": 3})"));
}

TEST(PlaybookStepsTest, ForEachOfNothingIsDone) {
  PlaybookLab lab;
  lab.step("each").for_each = "[]";
  lab.agent.playbook.output = "${steps.each.results}";

  EXPECT_EQ(lab.run().output, Json::array());
  EXPECT_EQ(lab.status_of("each"), "completed");
}

TEST(PlaybookStepsTest, ForEachIsBoundedAndWantsAList) {
  PlaybookLab lab;
  lab.step("each").for_each = "[1, 2, 3]";
  lab.steps().back().max_items = 2;
  EXPECT_EQ(lab.run().message, "step each: for_each: the list has 3 items, and max_items is 2");

  PlaybookLab other;
  other.step("each").for_each = "inputs";
  EXPECT_EQ(other.run().message, "step each: for_each: \"inputs\" is no list but of type object");
  EXPECT_TRUE(other.made.empty());
}

TEST(PlaybookStepsTest, ItemsOfOneStepAndCallsOfOthersTakeTurns) {
  PlaybookLab lab;
  lab.agent.limits.max_parallel = 2;
  lab.step("each").for_each = "[1, 2, 3, 4]";
  lab.step("other").needs = {};

  lab.run();

  EXPECT_EQ(lab.keys_made()[1], "other");
  EXPECT_EQ(lab.most_at_once, 2U);
}

TEST(PlaybookStepsTest, UntilCallsAgainWithAGrowingPause) {
  PlaybookLab lab;
  int calls = 0;
  lab.answer = [&](const CallWish&) {
    return CallOutcome{.key = "", .result = {{"status", ++calls == 8 ? "completed" : "running"}}};
  };
  lab.step("wait", "read", {{"id", 1}}).until = "${result.status in ['completed', 'failed']}";
  lab.agent.playbook.output = "${steps.wait.result.status}";

  EXPECT_EQ(lab.run().output, "completed");

  EXPECT_EQ(lab.keys_made(),
            (std::vector<std::string>{"wait", "wait#2", "wait#3", "wait#4", "wait#5", "wait#6", "wait#7", "wait#8"}));
  EXPECT_EQ(lab.waits,
            (std::vector<milliseconds>{milliseconds{500}, milliseconds{1'000}, milliseconds{2'000}, milliseconds{4'000},
                                       milliseconds{8'000}, milliseconds{15'000}, milliseconds{15'000}}));
}

TEST(PlaybookStepsTest, AToolThatWaitsByItselfIsAskedAgainAtOnce) {
  PlaybookLab lab;
  int calls = 0;
  lab.answer = [&](const CallWish&) { return CallOutcome{.key = "", .result = {{"done", ++calls == 3}}}; };
  lab.duration = [](const CallWish&) { return milliseconds{1'000}; };
  lab.step("wait").until = "result.done";

  EXPECT_EQ(lab.run().kind, Kind::completed);

  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(lab.waits.empty());
}

TEST(PlaybookStepsTest, APauseHoldsUpNoOtherStep) {
  PlaybookLab lab;
  int calls = 0;
  lab.answer = [&](const CallWish& wish) {
    return CallOutcome{.key = "", .result = {{"done", wish.step_id != "wait" || ++calls == 2}}};
  };
  lab.step("wait").until = "result.done";
  lab.step("other").needs = {};
  lab.step("more").needs = {"other"};
  lab.duration = [](const CallWish& wish) { return milliseconds{wish.step_id == "wait" ? 1 : 100}; };

  lab.run();

  EXPECT_EQ(lab.keys_made(), (std::vector<std::string>{"wait", "other", "more", "wait#2"}));
}

TEST(PlaybookStepsTest, UntilInForEachReadsItsItem) {
  PlaybookLab lab;
  std::map<std::string, int> calls;
  lab.answer = [&](const CallWish& wish) {
    return CallOutcome{.key = "", .result = {{"n", ++calls[to_text(wish.arguments)]}}};
  };
  lab.step("each", "read", {{"it", "${item}"}}).for_each = "[1, 2]";
  lab.steps().back().until = "result.n == item && index < 2";

  ASSERT_EQ(lab.run().kind, Kind::completed);

  EXPECT_EQ(lab.keys_made(), (std::vector<std::string>{"each[0]", "each[1]", "each[1]#2"}));
}

TEST(PlaybookStepsTest, AnUntilThatIsNeverTrueTimesOut) {
  PlaybookLab lab;
  lab.step("wait").until = "false";
  lab.steps().back().timeout = seconds{10};
  const auto began = lab.clock.steady_now();

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.code, "timed_out");
  EXPECT_EQ(outcome.message, "step wait: the step's 10 s were over: `until` was not true after 5 calls");
  EXPECT_EQ(lab.clock.steady_now() - began, seconds{10});
}

TEST(PlaybookStepsTest, AnUntilThatCannotBeDecidedFailsTheStep) {
  PlaybookLab lab;
  lab.step("wait").until = "result.no";

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.code, "validation_failed");
  EXPECT_EQ(outcome.message.substr(0, 30), "step wait: until: \"result.no\":");
}

TEST(PlaybookStepsTest, ACallHasTheTimeThatIsLeftOfItsStep) {
  PlaybookLab lab;
  int calls = 0;
  lab.answer = [&](const CallWish&) { return CallOutcome{.key = "", .result = {{"done", ++calls == 3}}}; };
  lab.duration = [](const CallWish&) { return milliseconds{4'000}; };
  lab.step("wait").until = "result.done";
  lab.steps().back().timeout = seconds{30};

  lab.run();

  EXPECT_EQ(lab.wish("wait").timeout, seconds{30});
  EXPECT_EQ(lab.wish("wait#2").timeout, seconds{26});
  EXPECT_EQ(lab.wish("wait#3").timeout, seconds{22});
}

TEST(PlaybookStepsTest, TheTimeThatACallIsHeldIsNotItsSteps) {
  PlaybookLab lab;
  lab.agent.limits.max_parallel = 1;
  lab.answer = [](const CallWish& wish) {
    return CallOutcome{.key = "", .result = wish.arguments, .held = seconds{90}};
  };
  lab.duration = [](const CallWish&) { return seconds{92}; };
  lab.step("each").for_each = "[1, 2, 3]";
  lab.steps().back().timeout = seconds{60};

  EXPECT_EQ(lab.run().kind, Kind::completed);

  EXPECT_EQ(lab.wish("each[2]").timeout, seconds{56});
}

TEST(PlaybookStepsTest, ItemsThatHaveNoTimeLeftAreNotCalled) {
  PlaybookLab lab;
  lab.agent.limits.max_parallel = 1;
  lab.duration = [](const CallWish&) { return seconds{40}; };
  lab.step("each").for_each = "[1, 2, 3]";
  lab.steps().back().timeout = seconds{60};

  EXPECT_EQ(lab.run().message, "step each: 1 of 3 items failed; item 2: the step's 60 s were over: it was not called");

  EXPECT_EQ(lab.keys_made(), (std::vector<std::string>{"each[0]", "each[1]"}));
}

TEST(PlaybookStepsTest, APlaybookThatWasNotCheckedFailsTheRun) {
  PlaybookLab lab;
  lab.step("a", "read", {{"x", "${steps.b.result}"}});
  lab.step("b");
  EXPECT_EQ(lab.run().message, "step a: \"b\" is no step before it");

  PlaybookLab other;
  other.step("a").needs = {"nobody"};
  EXPECT_EQ(other.run().message, "step a: \"nobody\" is no step before it");

  PlaybookLab third;
  third.step("a").when = "1 +";
  EXPECT_EQ(third.run().message.substr(0, 15), "step a: when: \"");
}

}  // namespace
}  // namespace weir::tools::runs::testing

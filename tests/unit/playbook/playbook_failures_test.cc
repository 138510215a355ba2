#include "tests/unit/playbook/playbook_lab.h"

namespace weir::tools::runs::testing {
namespace {

using OnError = agents::Step::OnError;

// Calls whose key begins with one of `keys` fail.
void let_fail(PlaybookLab& lab, std::set<std::string> keys) {
  lab.answer = [keys = std::move(keys)](const CallWish& wish) {
    if (keys.contains(wish.key)) {
      return CallOutcome{.key = "", .end = End::failed, .text = wish.key + " does not work", .error_code = "not_found"};
    }
    return CallOutcome{.key = "", .result = {{"key", wish.key}}};
  };
}

TEST(PlaybookFailuresTest, StopFailsTheRunWithTheStepsError) {
  PlaybookLab lab;
  lab.step("a");
  lab.step("b");
  let_fail(lab, {"a"});

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.code, "not_found");
  EXPECT_EQ(outcome.message, "step a: a does not work");
  EXPECT_EQ(lab.status_of("a"), "failed");
  EXPECT_EQ(lab.status_of("b"), "skipped");
  EXPECT_EQ(lab.error_of("b"), "the run ended before: step a: a does not work");
}

TEST(PlaybookFailuresTest, WhatHasBegunIsFinishedAndNothingElseBegins) {
  PlaybookLab lab;
  lab.agent.limits.max_parallel = 2;
  lab.step("bad").needs = {};
  lab.step("long").needs = {};
  lab.steps().back().for_each = "[1, 2, 3]";
  lab.step("after_long").needs = {"long"};
  let_fail(lab, {"bad"});
  lab.duration = [](const CallWish& wish) { return milliseconds{wish.key == "bad" ? 5 : 50}; };

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(lab.status_of("long"), "completed");
  EXPECT_EQ(lab.status_of("after_long"), "skipped");
  EXPECT_EQ(lab.keys_made(), (std::vector<std::string>{"bad", "long[0]", "long[1]", "long[2]"}));
}

TEST(PlaybookFailuresTest, OfSeveralFailuresTheFirstInThePlaybooksOrderIsTold) {
  PlaybookLab lab;
  lab.step("slow").needs = {};
  lab.step("quick").needs = {};
  let_fail(lab, {"slow", "quick"});
  lab.duration = [](const CallWish& wish) { return milliseconds{wish.key == "slow" ? 50 : 5}; };

  EXPECT_EQ(lab.run().message, "step slow: slow does not work");
}

TEST(PlaybookFailuresTest, ContinueGoesOnAndTellsTheOthers) {
  PlaybookLab lab;
  lab.step("a").on_error = OnError::carry_on;
  lab.step("b", "read", {{"code", "${steps.a.error.code}"}, {"status", "${steps.a.status}"}});
  lab.step("c", "read", {{"x", "${steps.a.result.id}"}});
  let_fail(lab, {"a"});

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::completed) << outcome.message;
  EXPECT_EQ(lab.wish("b").arguments, Json::parse(R"({"code": "not_found", "status": "failed"})"));
  EXPECT_EQ(lab.status_of("c"), "skipped") << "it has nothing to work with";
}

TEST(PlaybookFailuresTest, RetryIsAskedOfTheSession) {
  PlaybookLab lab;
  lab.step("a").on_error = OnError::retry;
  lab.steps().back().max_attempts = 5;
  lab.step("b").max_attempts = 5;
  let_fail(lab, {"b"});

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_TRUE(lab.wish("a").may_retry);
  EXPECT_EQ(lab.wish("a").max_attempts, 5);
  EXPECT_FALSE(lab.wish("b").may_retry);
  EXPECT_EQ(lab.wish("b").max_attempts, 1);
}

TEST(PlaybookFailuresTest, AfterTheLastTryRetryIsStop) {
  PlaybookLab lab;
  lab.step("a").on_error = OnError::retry;
  lab.step("b");
  let_fail(lab, {"a"});

  EXPECT_EQ(lab.run().message, "step a: a does not work");
  EXPECT_EQ(lab.status_of("b"), "skipped");
}

TEST(PlaybookFailuresTest, AFailedItemStopsItsStepUnlessItContinues) {
  PlaybookLab lab;
  lab.agent.limits.max_parallel = 2;
  lab.step("each").for_each = "[1, 2, 3, 4]";
  let_fail(lab, {"each[0]"});

  EXPECT_EQ(lab.run().message, "step each: 1 of 4 items failed; item 0: each[0] does not work");
  EXPECT_EQ(lab.keys_made(), (std::vector<std::string>{"each[0]", "each[1]"})) << "what is under way is heard out";
}

TEST(PlaybookFailuresTest, WithContinueTheOtherItemsGoOn) {
  PlaybookLab lab;
  lab.step("each").for_each = "[1, 2, 3]";
  lab.steps().back().on_error = OnError::carry_on;
  lab.agent.playbook.output = {{"results", "${pluck(steps.each.results, 'key')}"},
                               {"all", "${len(steps.each.results)}"},
                               {"error", "${steps.each.error.message}"},
                               {"second", "${steps.each.results[1]}"}};
  let_fail(lab, {"each[1]"});

  const EngineOutcome outcome = lab.run();

  ASSERT_EQ(outcome.kind, Kind::completed) << outcome.message;
  EXPECT_EQ(outcome.output, Json::parse(R"({"results": ["each[0]", "each[2]"], "all": 3, "second": null,
                                            "error": "1 of 3 items failed; item 1: each[1] does not work"})"));
  EXPECT_EQ(lab.status_of("each"), "completed");
}

TEST(PlaybookFailuresTest, WithContinueAStepHasFailedIfAllItemsHave) {
  PlaybookLab lab;
  lab.step("each").for_each = "[1, 2]";
  lab.steps().back().on_error = OnError::carry_on;
  lab.agent.playbook.output = "${steps.each.status}";
  let_fail(lab, {"each[0]", "each[1]"});

  EXPECT_EQ(lab.run().output, "failed");
}

TEST(PlaybookFailuresTest, EachWayToEndHasACode) {
  for (const auto& [end, given, expected] :
       std::vector<std::tuple<End, std::string, std::string>>{{End::failed, "", "internal"},
                                                              {End::denied, "", "denied"},
                                                              {End::denied, "denied_by_person", "denied_by_person"},
                                                              {End::timed_out, "", "timed_out"},
                                                              {End::failed, "target_busy", "target_busy"}}) {
    PlaybookLab lab;
    lab.step("a");
    lab.answer = [&](const CallWish&) {
      return CallOutcome{.key = "", .end = end, .text = "why", .error_code = given};
    };

    const EngineOutcome outcome = lab.run();

    EXPECT_EQ(outcome.kind, Kind::failed);
    EXPECT_EQ(outcome.code, expected);
    EXPECT_EQ(outcome.message, "step a: why");
  }
}

TEST(PlaybookFailuresTest, MoreStepsThanTheRunMayMakeAreIncomplete) {
  PlaybookLab lab;
  lab.agent.limits.max_steps = 2;
  for (const std::string id : {"a", "b", "c"}) lab.step(id);

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::incomplete);
  EXPECT_EQ(outcome.code, "max_steps");
  EXPECT_EQ(outcome.message, "the playbook has 3 steps, and this run may make 2");
  EXPECT_EQ(outcome.output["a"]["key"], "a");
  EXPECT_EQ(outcome.output["b"]["key"], "b");
  EXPECT_EQ(lab.status_of("c"), "skipped");
}

TEST(PlaybookFailuresTest, AsManyStepsAsTheRunMayMakeAreEnough) {
  PlaybookLab lab;
  lab.agent.limits.max_steps = 2;
  for (const std::string id : {"a", "b"}) lab.step(id);

  EXPECT_EQ(lab.run().kind, Kind::completed);
}

TEST(PlaybookFailuresTest, MoreCallsThanTheRunMayMakeAreIncomplete) {
  PlaybookLab lab;
  lab.agent.limits.max_tool_calls = 3;
  lab.step("a");
  lab.step("each").for_each = "[1, 2, 3]";
  lab.steps().back().on_error = OnError::carry_on;
  lab.step("b");

  for (int life = 0; life < 2; ++life) {
    const EngineOutcome outcome = lab.run();

    EXPECT_EQ(outcome.kind, Kind::incomplete);
    EXPECT_EQ(outcome.code, "max_tool_calls");
    EXPECT_EQ(outcome.output["a"]["key"], "a");
    EXPECT_EQ(lab.made.size(), 3U);
    EXPECT_EQ(lab.status_of("b"), "skipped");
  }
}

TEST(PlaybookFailuresTest, AnOutputThatCannotBeMadeFailsTheRun) {
  PlaybookLab lab;
  lab.step("a");
  lab.agent.playbook.output = {{"x", "${steps.a.result.id}"}};

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.code, "validation_failed");
  EXPECT_EQ(outcome.message.substr(0, 10), "output.x: ");
}

TEST(PlaybookFailuresTest, ARunThatMustStopEndsAtOnce) {
  PlaybookLab lab;
  lab.step("a");
  lab.step("b");
  lab.on_call = [&](const CallWish&) { lab.must_stop = true; };

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::stopped);
  EXPECT_EQ(lab.events, std::vector<std::string>{"begin a"}) << "nothing is written any more";
}

}  // namespace
}  // namespace weir::tools::runs::testing

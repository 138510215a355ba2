// The process ends at each of its writes in turn, and the run is taken up again.
#include <random>

#include "tests/unit/playbook/playbook_lab.h"

namespace weir::tools::runs::testing {
namespace {

using OnError = agents::Step::OnError;

// A playbook of all that there is, the same for the same seed; without failures that stop it, whose moment decides what has
// begun by then.
void build(PlaybookLab& lab, unsigned seed) {
  std::minstd_rand random(seed);
  lab.agent.limits.max_parallel = 1 + static_cast<std::int64_t>(random() % 4);
  lab.agent.limits.max_tool_calls = 1'000;
  lab.input = {{"list", {1, 2, 3}}, {"yes", true}, {"no", false}};
  const std::size_t count = 2 + random() % 7;
  for (std::size_t i = 0; i < count; ++i) {
    agents::Step& step = lab.step("s" + std::to_string(i), random() % 2 == 0 ? "read" : "scan");
    step.needs.clear();
    for (std::size_t j = 0; j < i; ++j) {
      if (random() % 3 == 0) step.needs.push_back("s" + std::to_string(j));
    }
    if (i > 0 && random() % 2 == 0) {
      const std::string before = "s" + std::to_string(random() % i);
      step.args["from"] = "${default(steps." + before + ".result, steps." + before + ".status)}";
    }
    switch (random() % 5) {
      case 0:
        step.for_each = "inputs.list";
        step.args["item"] = "${item}";
        break;
      case 1: step.until = "result.polls >= 3"; break;
      case 2: step.when = random() % 2 == 0 ? "inputs.yes" : "inputs.no"; break;
      default: break;
    }
    step.on_error = OnError::carry_on;
  }
  lab.duration = [seed](const CallWish& wish) {
    return milliseconds{1 + static_cast<int>((std::hash<std::string>{}(wish.key) + seed) % 50)};
  };
  lab.answer = [seed](const CallWish& wish) {
    const auto hash = std::hash<std::string>{}(wish.key) + seed;
    if (hash % 7 == 0)
      return CallOutcome{.key = "", .end = End::failed, .text = wish.key + " fails", .error_code = "not_found"};
    const auto poll = wish.key.find('#');
    const int polls = poll == std::string::npos ? 1 : std::stoi(wish.key.substr(poll + 1));
    return CallOutcome{
        .key = "",
        .result = {{"key", wish.key}, {"saw", std::hash<std::string>{}(to_text(wish.arguments))}, {"polls", polls}},
        .is_tainted = hash % 5 == 0};
  };
}

// {kind, code, message, output} and the steps with their ends.
Json told(const EngineOutcome& outcome, const PlaybookLab& lab) {
  Json steps = Json::object();
  for (const auto& [id, end] : lab.step_records) {
    steps[id] = {lab.status_of(id), end ? end->result : Json(), end ? end->error : Json(), end && end->is_tainted};
  }
  return {{"kind", static_cast<int>(outcome.kind)},
          {"code", outcome.code},
          {"message", outcome.message},
          {"output", outcome.output},
          {"steps", steps}};
}

TEST(PlaybookRecoveryTest, WhereverTheProcessEndsTheRunComesToTheSameAndDoesNothingTwice) {
  int deaths = 0;
  for (unsigned seed = 1; seed <= 30; ++seed) {
    PlaybookLab whole;
    build(whole, seed);
    const Json expected = told(whole.run(), whole);

    for (std::int64_t writes = 0;; ++writes) {
      PlaybookLab lab;
      build(lab, seed);
      const bool has_died = !lab.run_and_die_at(writes);
      if (has_died) ++deaths;
      const std::size_t ended_before = static_cast<std::size_t>(std::ranges::count_if(
          lab.calls, [](const auto& call) { return call.second.state == CallRecord::State::ended; }));
      const std::size_t made_before = lab.made.size();

      const EngineOutcome outcome = lab.run();

      ASSERT_EQ(told(outcome, lab), expected) << "seed " << seed << ", death at write " << writes;
      ASSERT_EQ(lab.effects, whole.effects) << "seed " << seed << ", death at write " << writes;
      ASSERT_EQ(lab.made.size() - made_before, whole.made.size() - ended_before)
          << "what had ended is not called again: seed " << seed << ", death at write " << writes;
      ASSERT_EQ(std::multiset<std::string>(lab.events.begin(), lab.events.end()),
                std::multiset<std::string>(whole.events.begin(), whole.events.end()))
          << "no event twice: seed " << seed << ", death at write " << writes;
      if (!has_died) break;
    }
  }
  EXPECT_GT(deaths, 200);
}

TEST(PlaybookRecoveryTest, ARunThatDiesAgainAndAgainComesToTheSame) {
  int all_lives = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    PlaybookLab whole;
    build(whole, seed);
    const Json expected = told(whole.run(), whole);
    PlaybookLab lab;
    build(lab, seed);
    std::minstd_rand random(seed);

    std::optional<EngineOutcome> outcome;
    int lives = 0;
    for (; !outcome && lives < 1'000; ++lives)
      outcome = lab.run_and_die_at(1 + static_cast<std::int64_t>(random() % 5));

    ASSERT_TRUE(outcome) << "seed " << seed << " never ends";
    ASSERT_EQ(told(*outcome, lab), expected) << "seed " << seed;
    ASSERT_EQ(lab.effects, whole.effects) << "seed " << seed;
    all_lives += lives;
  }
  EXPECT_GT(all_lives, 100);
}

TEST(PlaybookRecoveryTest, WhatMustNotBeMadeTwiceEndsTheRunAndSaysWhy) {
  PlaybookLab lab;
  lab.step("a", "once").on_error = OnError::carry_on;
  lab.step("b");
  ASSERT_FALSE(lab.run_and_die_at(2)) << "begun, started, and dead before its end is written";
  ASSERT_EQ(lab.effects, std::multiset<std::string>{"a"});

  for (int life = 0; life < 2; ++life) {
    const EngineOutcome outcome = lab.run();

    EXPECT_EQ(outcome.kind, Kind::failed);
    EXPECT_EQ(outcome.code, "server_restarted");
    EXPECT_EQ(outcome.message,
              "step a: the server stopped while step a was calling once; whether the call was made is not known, and "
              "it is not "
              "repeated: it changes something, and a second time could change it twice");
  }
  EXPECT_EQ(lab.effects, std::multiset<std::string>{"a"});
  EXPECT_EQ(lab.status_of("b"), "skipped");
}

TEST(PlaybookRecoveryTest, WhyACallIsNotRepeatedDependsOnTheTool) {
  PlaybookLab lab;
  lab.add_tool("far__do", false, "mcp:far");
  lab.step("a", "far__do");
  ASSERT_FALSE(lab.run_and_die_at(2));
  EXPECT_NE(lab.run().message.find("it is a tool of another server"), std::string::npos);

  PlaybookLab other;
  other.step("a", "gone");
  ASSERT_FALSE(other.run_and_die_at(2));
  EXPECT_NE(other.run().message.find("there is no such tool any more"), std::string::npos);
}

TEST(PlaybookRecoveryTest, NothingThatMustNotBeMadeTwiceEverIs) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    for (std::int64_t writes = 0;; ++writes) {
      PlaybookLab lab;
      build(lab, seed);
      lab.add_tool("scan", false);
      if (lab.run_and_die_at(writes)) break;

      const EngineOutcome outcome = lab.run();

      ASSERT_TRUE(outcome.kind == Kind::completed || outcome.code == "server_restarted") << outcome.message;
      for (const std::string& key : lab.effects) ASSERT_EQ(lab.effects.count(key), 1U) << key << ", seed " << seed;
    }
  }
}

TEST(PlaybookRecoveryTest, AfterAFailureNothingBeginsInALaterLifeEither) {
  for (std::int64_t writes = 0;; ++writes) {
    PlaybookLab lab;
    lab.agent.limits.max_parallel = 2;
    lab.step("slow", "read").needs = {};
    lab.step("after_slow").needs = {"slow"};
    lab.step("quick", "read").needs = {};
    lab.answer = [](const CallWish& wish) {
      if (wish.key == "quick") return CallOutcome{.key = "", .end = End::failed, .text = "broken"};
      return CallOutcome{.key = "", .result = {{"key", wish.key}}};
    };
    lab.duration = [](const CallWish& wish) { return milliseconds{wish.key == "quick" ? 1 : 100}; };
    const bool has_died = !lab.run_and_die_at(writes);
    const bool had_failed = lab.calls.contains("quick") && lab.calls["quick"].state == CallRecord::State::ended;

    const EngineOutcome outcome = lab.run();

    EXPECT_EQ(outcome.message, "step quick: broken");
    if (had_failed) {
      EXPECT_EQ(lab.status_of("after_slow"), "skipped") << "death at write " << writes;
    }
    if (!has_died) break;
  }
}

TEST(PlaybookRecoveryTest, WhatHadBegunBeforeAFailureIsFinishedInALaterLife) {
  PlaybookLab lab;
  lab.agent.limits.max_parallel = 2;
  lab.step("first").needs = {};
  lab.step("second").needs = {"first"};
  lab.step("third").needs = {"second"};
  lab.step("bad").needs = {};
  lab.answer = [](const CallWish& wish) {
    if (wish.key == "bad") return CallOutcome{.key = "", .end = End::failed, .text = "broken"};
    return CallOutcome{.key = "", .result = {{"key", wish.key}}};
  };
  lab.duration = [](const CallWish& wish) { return milliseconds{wish.key == "bad" ? 25 : 10}; };

  // first and second have ended and third is under way when `bad` fails; then the process ends.
  bool was_under_way = false;
  for (std::int64_t writes = 0; !was_under_way; ++writes) {
    ASSERT_LT(writes, 100);
    lab.step_records.clear();
    lab.calls.clear();
    lab.events.clear();
    if (lab.run_and_die_at(writes)) break;
    was_under_way = lab.status_of("bad") == "failed" && lab.status_of("third") == "begun";
  }
  ASSERT_TRUE(was_under_way);

  EXPECT_EQ(lab.run().message, "step bad: broken");
  EXPECT_EQ(lab.status_of("third"), "completed");
}

TEST(PlaybookRecoveryTest, PollsOnRecordAreNotWaitedFor) {
  PlaybookLab lab;
  int calls = 0;
  lab.answer = [&](const CallWish&) { return CallOutcome{.key = "", .result = {{"done", ++calls == 4}}}; };
  lab.step("wait").until = "result.done";
  ASSERT_FALSE(lab.run_and_die_at(7)) << "three polls on record";
  ASSERT_EQ(calls, 3);
  lab.waits.clear();

  EXPECT_EQ(lab.run().kind, Kind::completed);

  EXPECT_EQ(calls, 4);
  EXPECT_TRUE(lab.waits.empty());
}

}  // namespace
}  // namespace weir::tools::runs::testing

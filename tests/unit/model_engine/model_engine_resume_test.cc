// A process that ends at any write: the next one goes on where the records end.
#include "tests/unit/model_engine/engine_fixture.h"

namespace weir::tools::runs {
namespace {

using testing::asks_for;
using testing::says;

class EngineResume : public EngineTest {
 protected:
  static std::deque<testing::ScriptedTurn> story() {
    std::deque<testing::ScriptedTurn> script;
    script.push_back(
        asks_for({call("c1", "get_scan", R"({"scan_id":"a"})"), call("c2", "get_scan", "{bad")}, "I look."));
    script.push_back(says("I think.", Stop::paused));
    script.push_back(asks_for({call("c1", "get_scan", R"({"scan_id":"b"})")}));
    script.push_back(says("not JSON"));
    script.push_back(says(R"({"grade":"A"})"));
    return script;
  }

  // What the model says depends on what it has heard, as a real one's: the turn is found by the assistants so far.
  void ask_story() {
    model.script.clear();
    model.before_answer = [this] {
      const auto& sent = model.requests.back().messages;
      const auto said =
          std::count_if(sent.begin(), sent.end(), [](const auto& one) { return one.role == Role::assistant; });
      std::deque<testing::ScriptedTurn> script = story();
      model.script.clear();
      model.script.push_back(std::move(script.at(static_cast<std::size_t>(said))));
    };
  }
};

TEST_F(EngineResume, WhereverTheProcessEndsTheRunComesToTheSameEnd) {
  agent.output_schema = {{"type", "object"}, {"required", {"grade"}}};
  ask_story();
  const EngineOutcome whole = execute();
  ASSERT_EQ(whole.kind, Kind::completed) << whole.message;
  const testing::FakeRunRecords expected = records;
  const std::size_t requests_of_one = model.requests.size();

  int ended = 0;
  for (std::int64_t writes = 0; writes < 100; ++writes) {
    records = {};
    records.run = expected.run;
    model.requests.clear();
    made.clear();
    const Result<EngineOutcome> first = try_execute([&](auto& session) { session.writes_left = writes; });
    const bool was_cut = !first || first->kind == Kind::stopped;
    if (was_cut) ++ended;

    const EngineOutcome outcome = was_cut ? execute() : *first;

    ASSERT_EQ(outcome.kind, Kind::completed) << "after " << writes << " writes: " << outcome.message;
    EXPECT_EQ(outcome.output, whole.output);
    ASSERT_EQ(records.messages.size(), expected.messages.size()) << "after " << writes << " writes";
    for (std::size_t i = 0; i < records.messages.size(); ++i) {
      EXPECT_EQ(records.messages[i].content, expected.messages[i].content) << "after " << writes << " writes";
    }
    EXPECT_LE(model.requests.size(), requests_of_one + 1) << "at most the turn that was cut is asked again";
    EXPECT_EQ(records.calls.size(), 2U);
    if (!was_cut) break;
  }
  EXPECT_GT(ended, 20);
}

TEST_F(EngineResume, ACallThatMustNotBeRepeatedIsMadeOnceOrEndsTheRun) {
  int fails = 0;
  for (std::int64_t writes = 0; writes < 40; ++writes) {
    records = {};
    records.run.id = "run_1";
    model.requests.clear();
    model.before_answer = [this] {
      model.script.clear();
      const bool is_first = model.requests.back().messages.size() == 1;
      model.script.push_back(is_first ? asks_for({call("c1", "create_scan")}) : says("Done."));
    };
    made.clear();
    const Result<EngineOutcome> first = try_execute([&](auto& session) { session.writes_left = writes; });
    if (first && first->kind == Kind::completed) break;

    const EngineOutcome outcome = execute();

    EXPECT_LE(made.size(), 1U) << "after " << writes << " writes";
    if (outcome.kind == Kind::failed) {
      EXPECT_EQ(outcome.code, "server_restarted");
      ++fails;
    } else {
      EXPECT_EQ(outcome.kind, Kind::completed);
      EXPECT_EQ(made.size(), 1U);
    }
  }
  EXPECT_EQ(fails, 1) << "only between the call's beginning and its end";
}

TEST_F(EngineResume, AnEndThatWasSaidBeforeIsFoundAgain) {
  testing::ScriptedTurn refusal = says("No.", Stop::refusal);
  model.script = {std::move(refusal)};
  ASSERT_EQ(execute().code, "model_refusal");

  const EngineOutcome again = execute();

  EXPECT_EQ(again.kind, Kind::incomplete);
  EXPECT_EQ(again.code, "model_refusal");
  EXPECT_EQ(model.requests.size(), 1U);
}

TEST_F(EngineResume, ABudgetThatWasUsedUpStaysUsedUp) {
  model.script = {asks_for({call("c1", "create_scan")})};
  execute([](auto& session) {
    session.budget = [](const TurnUsage&) { return std::optional<std::string>("max_tokens"); };
  });

  EXPECT_EQ(execute().code, "max_tokens");
  EXPECT_EQ(model.requests.size(), 1U);
  EXPECT_TRUE(made.empty());
}

}  // namespace
}  // namespace weir::tools::runs

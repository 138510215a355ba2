// What providers do wrong, and what models refuse: the stated status and reason.
#include "tests/unit/model_engine/engine_fixture.h"

namespace weir::tools::runs {
namespace {

using testing::asks_for;
using testing::breaks_off;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::says;

struct IncompleteCase {
  models::ModelTurn::Stop stop;
  const char* reason;
};

class EngineIncomplete : public EngineTest, public ::testing::WithParamInterface<IncompleteCase> {};

TEST_P(EngineIncomplete, KeepsWhatThereIsAndSaysWhy) {
  testing::ScriptedTurn turn = asks_for({call("c1", "create_scan")}, "So far.");
  turn.end->stop = GetParam().stop;
  model.script = {std::move(turn)};

  const EngineOutcome outcome = execute();

  EXPECT_EQ(outcome.kind, Kind::incomplete);
  EXPECT_EQ(outcome.code, GetParam().reason);
  EXPECT_EQ(outcome.output, Json("So far."));
  EXPECT_TRUE(made.empty()) << "a call of a turn that was cut is not made";
}

INSTANTIATE_TEST_SUITE_P(Table, EngineIncomplete,
                         ::testing::Values(IncompleteCase{models::ModelTurn::Stop::refusal, "model_refusal"},
                                           IncompleteCase{models::ModelTurn::Stop::max_tokens, "max_tokens"},
                                           IncompleteCase{models::ModelTurn::Stop::context_window, "context_window"}));

TEST_F(EngineTest, AUsedUpBudgetEndsTheRunBeforeItsCallsAreMade) {
  model.script = {asks_for({call("c1", "create_scan")}, "I scan.")};

  const EngineOutcome outcome = execute(
      [](auto& session) { session.budget = [](const TurnUsage&) { return std::optional<std::string>("max_cost"); }; });

  EXPECT_EQ(outcome.kind, Kind::incomplete);
  EXPECT_EQ(outcome.code, "max_cost");
  EXPECT_EQ(outcome.output, Json("I scan."));
  EXPECT_TRUE(made.empty());
}

TEST_F(EngineTest, AnAnswerThatUsesUpTheBudgetIsStillTheAnswer) {
  model.script = {says("Done.")};

  const EngineOutcome outcome = execute([](auto& session) {
    session.budget = [](const TurnUsage&) { return std::optional<std::string>("max_tokens"); };
  });

  EXPECT_EQ(outcome.kind, Kind::completed);
}

TEST_F(EngineTest, EndlessPausesEndWithTheTurns) {
  agent.limits.max_steps = 4;
  for (int i = 0; i < 9; ++i) model.script.push_back(says("Hm.", Stop::paused));

  const EngineOutcome outcome = execute();

  EXPECT_EQ(outcome.code, "max_steps");
  EXPECT_EQ(model.requests.size(), 4U);
}

TEST_F(EngineTest, AnUnknownProviderFailsWithItsCode) {
  agent.model.provider = "gone";

  const EngineOutcome outcome = execute();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.code, "not_found");
  EXPECT_THAT(outcome.message, HasSubstr("there is local"));
}

TEST_F(EngineTest, AProviderThatCannotBeReachedFailsAndCostsNothing) {
  model.price = 3;
  model.script = {breaks_off(ErrorCode::unavailable, "connection refused")};

  const EngineOutcome outcome = execute();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.code, "unavailable");
  EXPECT_EQ(outcome.message, "connection refused");
  ASSERT_EQ(records.usage.size(), 1U);
  EXPECT_EQ(records.usage[0].input_tokens, 0);
  EXPECT_EQ(records.usage[0].cost_microusd, 0);
  EXPECT_EQ(records.attempts.back().outcome, "unavailable");
}

TEST_F(EngineTest, ATurnThatBreaksOffIsAskedAgainFromItsBeginning) {
  model.script = {breaks_off(ErrorCode::unavailable, "the stream broke off", "All is"), says("All is well.")};

  const EngineOutcome outcome = execute();

  EXPECT_EQ(outcome.output, Json("All is well."));
  EXPECT_EQ(records.streamed("text"), "All is well.");
  EXPECT_EQ(waits.size(), 1U);
  EXPECT_THAT(warnings(), ElementsAre("model_turn_broken"));
  EXPECT_FALSE(records.usage.at(0).output_tokens.has_value()) << "what the broken turn has cost is not known";
}

TEST_F(EngineTest, ATurnThatAlwaysBreaksOffFailsAfterThreeTimes) {
  for (int i = 0; i < 5; ++i)
    model.script.push_back(breaks_off(ErrorCode::unavailable, "the stream broke off", "All is"));

  const EngineOutcome outcome = execute();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.code, "unavailable");
  EXPECT_EQ(model.requests.size(), 3U);
}

TEST_F(EngineTest, ARefusedRequestIsNotRepeated) {
  model.script = {breaks_off(ErrorCode::validation_failed, "no such model", "x")};

  EXPECT_EQ(execute().code, "validation_failed");
  EXPECT_EQ(model.requests.size(), 1U);
}

TEST_F(EngineTest, TriesOfTheProviderAreRecordedAndTold) {
  testing::ScriptedTurn turn = says("Done.");
  turn.failed_tries = {{.n = 1, .outcome = "rate_limit_exceeded", .detail = "429"},
                       {.n = 2, .outcome = "unavailable", .detail = "503"}};
  model.script = {std::move(turn)};

  EXPECT_EQ(execute().kind, Kind::completed);

  EXPECT_THAT(warnings(), ElementsAre("model_rate_limited", "model_retry"));
  ASSERT_EQ(records.attempts.size(), 3U);
  EXPECT_EQ(records.attempts[0].n, 1);
  EXPECT_EQ(records.attempts[0].outcome, "rate_limit_exceeded");
  EXPECT_EQ(records.attempts[2].n, 3);
  EXPECT_EQ(records.attempts[2].outcome, "ok");
  EXPECT_EQ(records.usage.at(0).requests, 3);
  for (const auto& [type, data] : records.events) {
    if (type == "warning" && data.value("code", "") == "model_rate_limited") {
      EXPECT_EQ(data.value("message", ""), "provider local, try 1: rate_limit_exceeded (429); trying again in 1.0 s");
    }
  }
}

TEST_F(EngineTest, ARunThatIsCancelledWhileTheModelSpeaksStopsWithoutAWord) {
  model.script = {says("Never finished.")};
  testing::FakeRunSession* running = nullptr;
  model.before_answer = [&] { running->request_stop(); };

  const EngineOutcome outcome = execute([&](auto& session) { running = &session; });

  EXPECT_EQ(outcome.kind, Kind::stopped);
  EXPECT_EQ(records.messages.size(), 1U);
  EXPECT_TRUE(records.usage.empty());
}

TEST_F(EngineTest, ARunThatMustStopIsNotBegun) {
  EXPECT_EQ(execute([](auto& session) { session.request_stop(); }).kind, Kind::stopped);
  EXPECT_TRUE(model.requests.empty());
}

TEST_F(EngineTest, TheModelMayWriteNoMoreThanTheRun) {
  agent.limits.max_output_tokens = 77;
  model.script = {says("Done.")};

  execute();

  EXPECT_EQ(model.requests.at(0).max_output_tokens, 77);
}

}  // namespace
}  // namespace weir::tools::runs

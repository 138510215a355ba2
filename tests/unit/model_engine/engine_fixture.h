// A model agent with two tools, a scripted model and records in memory: what the engine's tests begin with.
#pragma once
#include "tests/support/fake_random.h"
#include "tests/support/fake_run_session.h"
#include "tests/support/scripted_model.h"
#include "tools/runs/model/model_engine.h"

namespace weir::tools::runs {

class EngineTest : public ::testing::Test {
 protected:
  using End = CallOutcome::End;
  using Kind = EngineOutcome::Kind;
  using Role = models::ModelMessage::Role;
  using Stop = models::ModelTurn::Stop;

  EngineTest() {
    records.run.id = "run_1";
    records.run.input = {{"prompt", "Look at the site."}};
    agent.kind = agents::AgentKind::model;
    agent.model = {.provider = "local", .model = "small", .instructions = "Be brief.", .temperature = {}};
    offered.resize(2);
    offered[0].name = "get_scan";
    offered[0].is_repeatable = true;
    offered[1].name = "create_scan";
    tool = [](const CallWish& wish) { return completed({{"tool", wish.tool}}); };
  }

  static CallOutcome completed(Json result, bool is_tainted = false) {
    return {.key = "", .end = End::completed, .result = std::move(result), .is_tainted = is_tainted};
  }
  static CallOutcome ended(End end, const std::string& text, const std::string& code = "") {
    return {.key = "", .end = end, .text = text, .error_code = code};
  }
  static models::ModelCall call(const std::string& id, const std::string& name, const std::string& arguments = "{}") {
    return {.id = id, .name = name, .arguments_text = arguments};
  }

  // One execution by a process of its own; `prepare` may change its session first.
  EngineOutcome execute(const std::function<void(testing::FakeRunSession&)>& prepare = {}) {
    Result<EngineOutcome> outcome = try_execute(prepare);
    EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().message + outcome.error().cause);
    return outcome ? std::move(*outcome) : EngineOutcome{};
  }
  Result<EngineOutcome> try_execute(const std::function<void(testing::FakeRunSession&)>& prepare = {}) {
    testing::FakeRunSession session(records, agent);
    session.offered = offered;
    session.tool = tool;
    if (prepare) prepare(session);
    Result<EngineOutcome> outcome = engine(session);
    made.insert(made.end(), session.made.begin(), session.made.end());
    waits.insert(waits.end(), session.waits.begin(), session.waits.end());
    return outcome;
  }

  // What the model was told last by a tool.
  [[nodiscard]] models::ModelMessage last_answer() const {
    for (auto request = model.requests.rbegin(); request != model.requests.rend(); ++request) {
      for (auto message = request->messages.rbegin(); message != request->messages.rend(); ++message) {
        if (message->role == Role::tool) return *message;
      }
    }
    return {};
  }
  [[nodiscard]] std::vector<std::string> warnings() const {
    std::vector<std::string> codes;
    for (const auto& [type, data] : records.events) {
      if (type == "warning") codes.push_back(data.value("code", ""));
    }
    return codes;
  }

  testing::FakeRunRecords records;
  testing::ScriptedModel model;
  testing::FakeRandom random;
  agents::AgentDefinition agent;
  std::vector<CallableTool> offered;
  std::function<CallOutcome(const CallWish&)> tool;
  std::vector<CallWish> made;
  std::vector<std::chrono::milliseconds> waits;
  Engine engine = model_engine(model, random);
};

}  // namespace weir::tools::runs

// The same engine against a real model, if one is configured: WEIR_TEST_OPENAI_BASE_URL (http://127.0.0.1:11434/v1),
// WEIR_TEST_OPENAI_MODEL and, if it needs one, WEIR_TEST_OPENAI_KEY; WEIR_TEST_ANTHROPIC_... likewise. Without them the
// tests are skipped, and nothing is said about any provider.
#include <cstdlib>

#include "tests/support/fake_run_session.h"
#include "tools/models/configured_providers.h"
#include "tools/runs/model/model_engine.h"

namespace weir::tools::runs {
namespace {

using Kind = EngineOutcome::Kind;

std::string variable(const std::string& wire, const std::string& name) {
  const char* const value = std::getenv(("WEIR_TEST_" + wire + "_" + name).c_str());
  return value == nullptr ? "" : value;
}

class RealEndpoint : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string wire = GetParam();
    if (variable(wire, "BASE_URL").empty() || variable(wire, "MODEL").empty()) {
      GTEST_SKIP() << "no real endpoint: set WEIR_TEST_" << wire << "_BASE_URL and WEIR_TEST_" << wire << "_MODEL";
    }
    models::ProviderSettings settings;
    settings.kind = wire == "OPENAI" ? models::ProviderKind::openai_chat : models::ProviderKind::anthropic_messages;
    auto url = egress::Url::parse(variable(wire, "BASE_URL"));
    ASSERT_TRUE(url) << url.error().message;
    settings.base_url = *url;
    settings.model = variable(wire, "MODEL");
    if (!variable(wire, "KEY").empty()) settings.api_key_env = "WEIR_TEST_" + wire + "_KEY";
    providers_.emplace(
        models::ProviderTable{{"real", settings}}, 0,
        models::ConfiguredProviders::Parts{*resolver_, clock_, random_,
                                           [](const char* name) -> const char* { return std::getenv(name); }});
    agent_.kind = agents::AgentKind::model;
    agent_.model = {
        .provider = "real", .model = "", .instructions = "Do exactly what you are asked.", .temperature = {}};
    agent_.limits.max_steps = 4;
    records_.run.id = "run_1";
  }

  EngineOutcome run(const std::string& prompt) {
    records_.run.input = {{"prompt", prompt}};
    testing::FakeRunSession session(records_, agent_);
    session.offered = offered_;
    session.tool = [this](const CallWish& wish) {
      made_.push_back(wish);
      return CallOutcome{.key = "", .result = {{"sum", 4711}}};
    };
    Result<EngineOutcome> outcome = model_engine(*providers_, random_)(session);
    EXPECT_TRUE(outcome.has_value());
    return outcome ? std::move(*outcome) : EngineOutcome{};
  }

  std::unique_ptr<egress::Resolver> resolver_ = egress::system_resolver();
  SystemClock clock_;
  SystemRandom random_;
  std::optional<models::ConfiguredProviders> providers_;
  agents::AgentDefinition agent_;
  std::vector<CallableTool> offered_;
  testing::FakeRunRecords records_;
  std::vector<CallWish> made_;
};

TEST_P(RealEndpoint, AnswersWithTextThatIsStreamed) {
  const EngineOutcome outcome = run("Answer with the single word: ready");

  ASSERT_EQ(outcome.kind, Kind::completed) << outcome.code << ": " << outcome.message;
  EXPECT_EQ(records_.streamed("text"), outcome.output.get<std::string>());
  EXPECT_FALSE(outcome.output.get<std::string>().empty());
}

TEST_P(RealEndpoint, CallsAToolAndUsesItsAnswer) {
  CallableTool tool;
  tool.name = "secret_sum";
  tool.description = "Adds two numbers in a way that only it knows.";
  tool.input_schema = {{"type", "object"},
                       {"properties", {{"a", {{"type", "integer"}}}, {"b", {{"type", "integer"}}}}},
                       {"required", {"a", "b"}}};
  offered_ = {tool};
  agent_.tools = {{.name = "secret_sum", .policy = {}}};

  const EngineOutcome outcome =
      run("Call the tool secret_sum with a = 2 and b = 3, then answer with the number that it gives.");

  ASSERT_EQ(outcome.kind, Kind::completed) << outcome.code << ": " << outcome.message;
  ASSERT_FALSE(made_.empty());
  EXPECT_EQ(made_[0].tool, "secret_sum");
  EXPECT_EQ(made_[0].arguments.value("a", 0), 2);
  EXPECT_THAT(outcome.output.get<std::string>(), ::testing::HasSubstr("4711"));
}

INSTANTIATE_TEST_SUITE_P(Wires, RealEndpoint, ::testing::Values("OPENAI", "ANTHROPIC"));

}  // namespace
}  // namespace weir::tools::runs

#include "tools/runs/model/prompt.h"

#include "tools/runs/model/spotlight.h"

namespace weir::tools::runs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(PromptTest, TheAgentsOwnWordsComeFirst) {
  agents::AgentDefinition agent;
  agent.model.instructions = "You look after one site.";

  const std::string text = instructions_text(agent, {CallableTool()});

  EXPECT_THAT(text, StartsWith("You look after one site.\n\n"));
  EXPECT_THAT(text, HasSubstr(std::string(kSpotlightNotice)));
}

TEST(PromptTest, AnAgentWithoutToolsIsToldNothingOfThem) {
  agents::AgentDefinition agent;
  agent.model.instructions = "Answer.";

  EXPECT_EQ(instructions_text(agent, {}), "Answer.");
}

TEST(PromptTest, TheOutputSchemaIsTold) {
  agents::AgentDefinition agent;
  agent.output_schema = {{"type", "object"}, {"required", {"grade"}}};

  EXPECT_THAT(instructions_text(agent, {}), HasSubstr(R"("required":["grade"])"));
}

TEST(PromptTest, AnInputThatIsATextIsTheMessageItself) {
  EXPECT_EQ(input_text({{"prompt", "Look at the site."}}), "Look at the site.");
  EXPECT_EQ(input_text("Look."), "Look.");
}

TEST(PromptTest, AnyOtherInputIsItsJson) {
  EXPECT_EQ(input_text({{"target_id", "tgt_1"}}), "{\n  \"target_id\": \"tgt_1\"\n}");
  EXPECT_THAT(input_text({{"prompt", "Look."}, {"target_id", "tgt_1"}}), HasSubstr("\"prompt\""));
  EXPECT_THAT(input_text({{"prompt", 1}}), HasSubstr("\"prompt\""));
}

TEST(PromptTest, AnEmptyInputIsStillAMessage) {
  EXPECT_EQ(input_text(Json::object()), "Begin.");
  EXPECT_EQ(input_text(Json()), "Begin.");
}

TEST(PromptTest, TheRunsOwnTokenIsNotOffered) {
  CallableTool tool;
  tool.name = "create_scan";
  tool.description = "Starts a scan.";
  tool.input_schema = {{"type", "object"},
                       {"properties", {{"target_id", {{"type", "string"}}}, {"client_token", {{"type", "string"}}}}},
                       {"required", {"target_id", "client_token"}}};
  tool.takes_client_token = true;

  const auto shown = model_tools({tool});

  ASSERT_EQ(shown.size(), 1U);
  EXPECT_EQ(shown[0].name, "create_scan");
  EXPECT_EQ(shown[0].description, "Starts a scan.");
  EXPECT_THAT(to_text(shown[0].input_schema), Not(HasSubstr("client_token")));
  EXPECT_THAT(to_text(shown[0].input_schema), HasSubstr("target_id"));
}

TEST(PromptTest, AToolThatIsNotOursKeepsItsClientToken) {
  CallableTool tool;
  tool.name = "ext__pay";
  tool.input_schema = {{"properties", {{"client_token", {{"type", "string"}}}}}};

  EXPECT_EQ(model_tools({tool})[0].input_schema, tool.input_schema);
}

}  // namespace
}  // namespace weir::tools::runs

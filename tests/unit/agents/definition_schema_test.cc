#include "tools/agents/definition_schema.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/unit/agents/fake_directory.h"
#include "tools/agents/agent_parameters.h"
#include "tools/agents/shipped_agents.h"
#include "tools/schema.h"

namespace weir::tools::agents {
namespace {

using ::testing::IsEmpty;

std::string schema_path() {
  const char* source = std::getenv("WEIR_SOURCE_DIR");
  return (source == nullptr ? std::string(".") : std::string(source)) + "/docs/reference/agent.schema.json";
}

TEST(DefinitionSchemaTest, ThePublishedFileIsTheCodes) {
  const std::string expected = to_pretty_text(definition_schema()) + "\n";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(schema_path()) << expected;
  std::ifstream file(schema_path());
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), expected) << "UPDATE_GOLDEN=1 rewrites it";
}

TEST(DefinitionSchemaTest, TheShippedPlaybooksAndWhatIsStoredFitIt) {
  const Schema schema(definition_schema());
  for (const ShippedFile& file : embedded_agent_files()) {
    EXPECT_THAT(schema.violations(json_of(file.text)), IsEmpty()) << file.name;
    Step step;
    step.id = "a";
    step.tool = "get_scan";
    AgentDefinition definition;
    definition.playbook.steps.push_back(step);
    EXPECT_THAT(schema.violations(definition_json(definition)), IsEmpty());
  }
}

TEST(DefinitionSchemaTest, ItHasTheMembersOfCreateAgent) {
  std::vector<std::string> members;
  for (const auto& [name, schema] : agent_parameters()) members.push_back(name);
  std::vector<std::string> published;
  const Json schema = definition_schema();
  for (const auto& [name, ignored] : schema["properties"].items()) published.push_back(name);
  EXPECT_THAT(published, ::testing::UnorderedElementsAreArray(members));
}

TEST(DefinitionSchemaTest, ItRefusesWhatTheReaderRefuses) {
  const Schema schema(definition_schema());
  for (const char* text :
       {R"({"kind": "robot"})", R"({"playbook": {"steps": []}})", R"({"limits": {"max_steps": 0}})",
        R"({"playbook": {"steps": [{"id": "A", "tool": "x"}]}})", R"({"tools": [{"policy": "ask"}]})",
        R"({"playbook": {"steps": [{"id": "a", "tool": "x", "retries": 1}]}})", R"({"slug": "-a"})"}) {
    EXPECT_FALSE(schema.violations(json_of(text)).empty()) << text;
  }
}

}  // namespace
}  // namespace weir::tools::agents

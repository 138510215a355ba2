#include <gmock/gmock.h>

#include "tests/unit/agents/fake_directory.h"

namespace weir::tools::agents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class PipelineFormTest : public DefinitionTest {
 protected:
  static std::vector<std::string> lines(const AgentDefinition& agent) {
    std::vector<std::string> text;
    for (const Step& step : agent.playbook.steps) {
      std::string needs;
      for (const std::string& id : step.needs) needs += (needs.empty() ? "" : ",") + id;
      text.push_back(step.id + "<" + needs + " " + step.tool + to_text(step.args));
    }
    return text;
  }
};

TEST_F(PipelineFormTest, ASequenceHandsResultsOnByTheirNames) {
  const AgentDefinition agent =
      parsed(R"({"tools": ["create_scan", "list_findings", "get_report"], "pipeline_type": "sequential"})");

  EXPECT_THAT(
      lines(agent),
      ElementsAre(
          R"(create_scan< create_scan{"profile":"${default(inputs.profile, null)}","target_id":"${default(inputs.target_id, null)}","url":"${default(inputs.url, null)}"})",
          R"(create_scan_end<create_scan get_scan{"scan_id":"${steps.create_scan.result.id}","wait_seconds":50})",
          R"(list_findings<create_scan_end list_findings{"scan_id":"${steps.create_scan.result.id}","severity":"${default(inputs.severity, null)}"})",
          R"(get_report<list_findings get_report{"format":"${default(inputs.format, null)}","scan_id":"${steps.create_scan.result.id}"})"));
  EXPECT_EQ(agent.playbook.steps[1].until, "${result.finished_at != null}");
  std::vector<std::string> inputs;
  for (const auto& [name, schema] : agent.input_schema["properties"].items()) inputs.push_back(name);
  EXPECT_THAT(inputs, UnorderedElementsAre("format", "profile", "severity", "target_id", "url"));
  EXPECT_EQ(agent.tools.front().name, "create_scan");
  EXPECT_TRUE(*read_definition(definition_json(agent)) == agent);
}

TEST_F(PipelineFormTest, AToolThatIsToldTheScanTakesNoTargetBesideIt) {
  directory_.add(
      "read_findings",
      {{"scan_id", {{"type", "string"}}}, {"target_id", {{"type", "string"}}}, {"url", {{"type", "string"}}}});
  directory_.add("read_target", {{"target_id", {{"type", "string"}}}}, {"target_id"});
  const AgentDefinition agent =
      parsed(R"({"tools": ["create_scan", "read_findings", "read_target"], "pipeline_type": "sequential"})");

  EXPECT_EQ(agent.playbook.steps[2].args, json_of(R"({"scan_id": "${steps.create_scan.result.id}"})"));
  EXPECT_EQ(agent.playbook.steps[3].args, json_of(R"({"target_id": "${steps.create_scan.result.target_id}"})"));
}

TEST_F(PipelineFormTest, SimpleIsOneTool) {
  const AgentDefinition agent = parsed(R"({"tools": ["get_report"], "pipeline_type": "simple"})");
  EXPECT_THAT(
      lines(agent),
      ElementsAre(
          R"(get_report< get_report{"format":"${default(inputs.format, null)}","scan_id":"${inputs.scan_id}"})"));
  EXPECT_EQ(agent.input_schema["required"], Json::array({"scan_id"}));
  EXPECT_THAT(mistakes(R"({"tools": ["get_report", "get_scan"], "pipeline_type": "simple"})"),
              ElementsAre(HasSubstr("tools has 2 tools; pipeline_type simple takes exactly one")));
}

TEST_F(PipelineFormTest, AGraphFollowsItsEdges) {
  for (const char* type : {"graph", "dag"}) {
    Json json = json_of(R"({"tools": ["create_scan", "list_findings", "get_report", "list_targets"], "graph_edges": [
        {"source": "create_scan", "target": "list_findings"}, {"source": "create_scan", "target": "get_report"}]})");
    json["pipeline_type"] = type;
    std::vector<std::string> needs;
    for (const Step& step : parsed(json).playbook.steps)
      needs.push_back(step.id + "<" + (step.needs.empty() ? "" : step.needs[0]));

    EXPECT_THAT(needs, ElementsAre("create_scan<", "create_scan_end<create_scan", "list_findings<create_scan_end",
                                   "get_report<create_scan_end", "list_targets<"));
  }
}

TEST_F(PipelineFormTest, ItsMistakesPointAtTheShortForm) {
  EXPECT_THAT(mistakes(R"({"tools": ["create_scan", "get_raport"], "pipeline_type": "sequential"})"),
              ElementsAre(HasSubstr("tools[1] is \"get_raport\", which is no tool; did you mean get_report?")));
  EXPECT_THAT(mistakes(R"({"tools": ["create_scan", "get_report"], "pipeline_type": "dag", "graph_edges": [
                  {"source": "create_scan", "target": "get_report"}, {"source": "get_report", "target": "create_scan"}]})"),
              ElementsAre(HasSubstr("graph_edges go round in a circle through create_scan, get_report")));
  EXPECT_THAT(
      mistakes(
          R"({"tools": ["create_scan"], "graph_edges": [{"source": "create_skan", "target": "create_scan", "weight": 1}, 7, {"target": "create_scan"}]})"),
      ElementsAre(
          HasSubstr("graph_edges[0].weight is not known"),
          HasSubstr(
              "graph_edges[0].source is \"create_skan\", which is not among the tools; did you mean create_scan?"),
          HasSubstr("graph_edges[1] is the number 7; expected an object"),
          HasSubstr("graph_edges[2].source is missing")));
  EXPECT_THAT(mistakes(R"({"tools": ["create_scan"], "pipeline_type": "tree"})"),
              testing::Contains(
                  HasSubstr("pipeline_type is the string \"tree\"; expected one of simple, sequential, graph, dag")));
  EXPECT_THAT(mistakes(R"({"tools": ["create_scan"], "pipeline_type": "sequential", "graph_edges": []})"),
              ElementsAre(HasSubstr("graph_edges is given, but pipeline_type is sequential")));
  EXPECT_THAT(mistakes(R"({"pipeline_type": "sequential"})"), ElementsAre(HasSubstr("tools is empty")));
  EXPECT_THAT(mistakes(R"({"tools": ["create_scan"], "pipeline_type": "simple", "playbook": {"steps": []}})"),
              ElementsAre(HasSubstr("playbook is given together with the short form")));
}

TEST_F(PipelineFormTest, AGivenInputSchemaDecidesWhatTheRunTakes) {
  Json json = json_of(R"({"tools": ["create_scan", "get_report"], "pipeline_type": "sequential",
      "input_schema": {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}})");
  EXPECT_EQ(parsed(json).playbook.steps[0].args, json_of(R"({"url": "${default(inputs.url, null)}"})"));
  json["tools"] = {"get_report"};
  EXPECT_THAT(mistakes(json), ElementsAre(HasSubstr("tools[0] is get_report, which needs scan_id; neither")));
}

TEST_F(PipelineFormTest, ARepeatedToolIsASecondStep) {
  const AgentDefinition agent =
      parsed(R"({"tools": ["list_targets", {"name": "list_targets"}], "pipeline_type": "sequential"})");
  EXPECT_THAT(lines(agent), ElementsAre("list_targets< list_targets{}", "list_targets_2<list_targets list_targets{}"));
}

}  // namespace
}  // namespace weir::tools::agents

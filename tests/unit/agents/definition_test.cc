#include <gmock/gmock.h>

#include "tests/unit/agents/fake_directory.h"

namespace weir::tools::agents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST_F(DefinitionTest, ReadsAStepWithAllItsMembers) {
  const AgentDefinition agent = parsed(R"({
    "kind": "playbook",
    "playbook": {"steps": [{"id": "look", "tool": "get_scan", "args": {"scan_id": "${item}", "wait_seconds": 5},
      "when": "len(inputs.ids) > 0", "for_each": "${inputs.ids}", "max_items": 7, "until": "result.done", "on_error": "retry",
      "max_attempts": 4, "timeout_s": 90, "approve": "always", "output_as": "looked", "needs": []}],
      "output": {"all": "${steps.looked.results}"}},
    "tools": [{"name": "get_scan", "policy": "ask"}],
    "input_schema": {"type": "object", "properties": {"ids": {"type": "array"}}, "additionalProperties": false},
    "limits": {"max_steps": 3, "wall_s": 30}})");

  ASSERT_THAT(agent.playbook.steps, SizeIs(1));
  const Step& step = agent.playbook.steps[0];
  EXPECT_EQ(step.id, "look");
  EXPECT_EQ(step.tool, "get_scan");
  EXPECT_EQ(step.args, json_of(R"({"scan_id": "${item}", "wait_seconds": 5})"));
  EXPECT_EQ(step.when, "len(inputs.ids) > 0");
  EXPECT_EQ(step.for_each, "${inputs.ids}");
  EXPECT_EQ(step.max_items, 7);
  EXPECT_EQ(step.until, "result.done");
  EXPECT_EQ(step.on_error, Step::OnError::retry);
  EXPECT_EQ(step.max_attempts, 4);
  EXPECT_EQ(step.timeout, std::chrono::seconds{90});
  EXPECT_EQ(step.approve, Step::Approve::always);
  EXPECT_EQ(step.name(), "looked");
  EXPECT_THAT(agent.tools, ElementsAre(ToolGrant{.name = "get_scan", .policy = Policy::ask}));
  EXPECT_EQ(agent.limits.max_steps, 3);
  EXPECT_EQ(agent.limits.wall, std::chrono::seconds{30});
}

TEST_F(DefinitionTest, WhatIsStoredReadsBackAsTheSame) {
  for (const char* text : {R"({"playbook": {"steps": [{"id": "a", "tool": "list_targets"}]}})",
                           R"({"playbook": {"steps": [{"id": "a", "tool": "list_targets", "on_error": "retry"},
               {"id": "b", "tool": "get_scan", "args": {"scan_id": "${steps.a.result.id}"}, "on_error": "continue", "max_items": 3}],
               "output": "${steps.b.result}"}, "output_schema": {"type": "object"}})",
                           R"({"kind": "model", "instructions": "Look.", "provider": "local", "temperature": 0.25,
               "tools": ["get_scan", {"name": "create_scan", "policy": "deny"}], "mcp_servers": ["notes"],
               "limits": {"max_cost_microusd": 5, "max_output_tokens": 100}})"}) {
    const AgentDefinition agent = parsed(text);
    Result<AgentDefinition> read = read_definition(definition_json(agent));

    ASSERT_TRUE(read) << read.error().message << " / " << read.error().cause;
    EXPECT_TRUE(*read == agent) << to_text(definition_json(agent)) << "\n" << to_text(definition_json(*read));
  }
}

TEST_F(DefinitionTest, AStoredDefinitionIsReadThoughItsToolsAreGone) {
  Json stored = definition_json(parsed(R"({"playbook": {"steps": [{"id": "a", "tool": "list_targets"}]}})"));
  stored["playbook"]["steps"][0]["tool"] = "gone";

  EXPECT_TRUE(read_definition(stored));
  EXPECT_EQ(read_definition(Json::array()).error().code, ErrorCode::internal);
}

TEST_F(DefinitionTest, EveryMistakeIsToldWithItsPath) {
  const auto told = mistakes(R"({
    "playbook": {"steps": [
      {"id": "Scan", "tool": "creat_scan", "args": {"target_id": "${inputs.x}"}},
      {"id": "b", "tool": "get_scan", "args": {"scan": 1, "wait_seconds": 99}, "retries": 3},
      {"tool": "list_targets", "timeout_s": "soon", "on_error": "contine"}]},
    "limits": {"max_stepz": 3}})");

  EXPECT_THAT(told,
              ElementsAre(StartsWith("limits.max_stepz is not known; did you mean max_steps?"),
                          StartsWith("playbook.steps[0].id is \"Scan\"; expected a lower-case letter"),
                          "playbook.steps[0].tool is \"creat_scan\", which is no tool; did you mean create_scan?",
                          StartsWith("playbook.steps[1].retries is not known"),
                          StartsWith("playbook.steps[1].args.scan is not known to get_scan; did you mean scan_id?"),
                          "playbook.steps[1].args.wait_seconds is 99; expected an integer from 0 to 50",
                          "playbook.steps[1].args.scan_id is missing; get_scan needs it",
                          StartsWith("playbook.steps[2].id is missing"),
                          StartsWith("playbook.steps[2].on_error is the string \"contine\"; did you mean continue?"),
                          StartsWith("playbook.steps[2].timeout_s is the string \"soon\"; expected an integer")));
}

TEST_F(DefinitionTest, ArgumentsWithExpressionsAreNotCheckedAgainstTypes) {
  EXPECT_THAT(
      parsed(playbook(R"([{"id": "a", "tool": "get_scan", "args": {"scan_id": "x", "wait_seconds": "${inputs.s}"}}])"))
          .playbook.steps,
      SizeIs(1));
  EXPECT_THAT(mistakes(playbook(R"([{"id": "a", "tool": "get_scan", "args": {"scan_id": 7}}])")),
              ElementsAre(HasSubstr("playbook.steps[0].args.scan_id is the number 7; expected a string")));
  EXPECT_THAT(mistakes(playbook(R"([{"id": "a", "tool": "list_findings", "args": {"severity": ["high", 3]}}])")),
              ElementsAre(StartsWith("playbook.steps[0].args.severity[1] is the number 3")));
}

TEST_F(DefinitionTest, ATokenThatWouldMakeAStepOnceForEverIsRefused) {
  EXPECT_THAT(mistakes(playbook(R"([{"id": "a", "tool": "create_scan", "args": {"client_token": "mine"}}])")),
              ElementsAre(HasSubstr("args.client_token is set by the run")));
}

TEST_F(DefinitionTest, AToolThatAgentsMayNeverCallIsRefusedAsStepAndAsGrant) {
  EXPECT_THAT(mistakes(playbook(R"([{"id": "a", "tool": "delete_target", "args": {"target_id": "x"}}])")),
              ElementsAre(HasSubstr("playbook.steps[0].tool is \"delete_target\", which agents may never call")));
  EXPECT_THAT(
      mistakes(
          R"({"kind": "model", "instructions": "x", "tools": ["delete_target", "get_scans", "get_scan", "get_scan"]})"),
      ElementsAre(HasSubstr("tools[0] is \"delete_target\", which agents may never call"),
                  HasSubstr("tools[1] is \"get_scans\", which is no tool; did you mean get_scan?"),
                  HasSubstr("tools[3] is \"get_scan\" again")));
}

TEST_F(DefinitionTest, AStepsToolIsGrantedAndADeniedOneIsAMistake) {
  const AgentDefinition agent =
      parsed(playbook(R"([{"id": "a", "tool": "list_targets"}, {"id": "b", "tool": "list_targets"}])"));
  EXPECT_THAT(agent.tools, ElementsAre(ToolGrant{.name = "list_targets", .policy = std::nullopt}));

  Json denied = playbook(R"([{"id": "a", "tool": "list_targets"}])");
  denied["tools"] = json_of(R"([{"name": "list_targets", "policy": "deny"}])");
  EXPECT_THAT(mistakes(denied),
              ElementsAre(HasSubstr("playbook.steps[0].tool is \"list_targets\", which `tools` denies")));
  denied["tools"][0]["policy"] = "allways";
  EXPECT_THAT(mistakes(denied), ElementsAre(HasSubstr("tools[0].policy is the string \"allways\"")));
}

TEST_F(DefinitionTest, TheKindFollowsFromTheMembersAndTheyDoNotMix) {
  EXPECT_EQ(parsed(R"({"instructions": "Look."})").kind, AgentKind::model);
  EXPECT_EQ(parsed(playbook(R"([{"id": "a", "tool": "list_targets"}])")).kind, AgentKind::playbook);
  EXPECT_THAT(mistakes(R"({"kind": "model", "instructions": "x", "playbook": {"steps": []}})"),
              ElementsAre(HasSubstr("playbook is of a playbook, but the kind is model")));
  EXPECT_THAT(mistakes(R"({"kind": "robot"})"), testing::Contains(StartsWith("kind is the string \"robot\"")));
  EXPECT_THAT(mistakes("{}"), ElementsAre(StartsWith("playbook is missing; expected {steps: [...]}")));
  EXPECT_THAT(mistakes("[]"), ElementsAre(HasSubstr("is an array of 0; expected an object")));
}

TEST_F(DefinitionTest, AModelAgentNeedsAProviderThatThereIs) {
  rules_.providers = {"local", "cloud"};
  EXPECT_EQ(parsed(R"({"instructions": "x", "provider": "cloud"})").model.provider, "cloud");
  EXPECT_THAT(mistakes(R"({"instructions": "x", "provider": "locl"})"),
              ElementsAre("provider is \"locl\"; did you mean local? Expected one of local, cloud"));
  EXPECT_THAT(mistakes(R"({"instructions": "x"})"), ElementsAre("provider is missing; expected one of local, cloud"));
  EXPECT_THAT(mistakes(R"({"provider": "local"})"), ElementsAre(StartsWith("instructions is missing")));
  EXPECT_THAT(mistakes(R"({"instructions": "x", "provider": "local", "temperature": 3})"),
              ElementsAre(StartsWith("temperature is the number 3; expected a number from 0")));

  rules_.providers = {"only"};
  EXPECT_EQ(parsed(R"({"instructions": "x"})").model.provider, "only");
  rules_.providers = std::vector<std::string>{};
  EXPECT_THAT(mistakes(R"({"instructions": "x"})"), ElementsAre(HasSubstr("this server has no model providers")));
}

TEST_F(DefinitionTest, AServerOfOthersIsNamedByItsAlias) {
  EXPECT_THAT(parsed(R"({"instructions": "x", "mcp_servers": ["notes", "notes"]})").mcp_servers, ElementsAre("notes"));
  EXPECT_THAT(mistakes(R"({"instructions": "x", "mcp_servers": ["note", 3]})"),
              ElementsAre(HasSubstr("mcp_servers[0] is \"note\", which has no approved tools; did you mean notes?"),
                          HasSubstr("mcp_servers[1] is the number 3; expected a server's alias")));
  EXPECT_THAT(parsed(playbook(R"([{"id": "a", "tool": "notes__search", "args": {"query": "x"}}])")).tools, SizeIs(1));
}

TEST_F(DefinitionTest, InputsMayStandInThePlaybookButNotTwice) {
  Json json = playbook(R"([{"id": "a", "tool": "get_scan", "args": {"scan_id": "${inputs.scan_id}"}}])");
  json["playbook"]["inputs"] =
      json_of(R"({"properties": {"scan_id": {"type": "string"}}, "additionalProperties": false})");
  EXPECT_EQ(parsed(json).input_schema["type"], "object");
  EXPECT_FALSE(definition_json(parsed(json))["playbook"].contains("inputs"));

  json["input_schema"] = json["playbook"]["inputs"];
  EXPECT_THAT(mistakes(json), ElementsAre(StartsWith("playbook.inputs is given together with input_schema")));
}

TEST_F(DefinitionTest, BoundsHold) {
  Json many = {{"playbook", {{"steps", Json::array()}}}};
  for (std::size_t i = 0; i < kStepsMax; ++i) {
    many["playbook"]["steps"].push_back({{"id", "s" + std::to_string(i)}, {"tool", "list_targets"}});
  }
  EXPECT_EQ(parsed(many).limits.max_steps, static_cast<std::int64_t>(kStepsMax));
  many["limits"] = {{"max_steps", 49}};
  EXPECT_THAT(mistakes(many),
              ElementsAre(HasSubstr("limits.max_steps is the number 49, but the playbook has 50 steps")));
  many["playbook"]["steps"].push_back({{"id", "one_more"}, {"tool", "list_targets"}});
  EXPECT_THAT(mistakes(many), ElementsAre("playbook.steps has 51 items; expected at most 50"));

  Json deep = "x";
  for (int i = 0; i < 20; ++i) deep = Json::array({deep});
  Json step = {{"id", "a"}, {"tool", "list_findings"}, {"args", {{"severity", deep}}}};
  EXPECT_THAT(mistakes({{"playbook", {{"steps", {step}}}}}), testing::Contains(HasSubstr("args nests 21 levels deep")));
  step["args"] = {{"scan_id", std::string(20'000, 'x')}};
  EXPECT_THAT(mistakes({{"playbook", {{"steps", {step}}}}}), testing::Contains(HasSubstr("expected at most 16384")));
  EXPECT_THAT(mistakes({{"kind", "model"}, {"instructions", std::string(kDefinitionBytesMax, 'x')}}),
              ElementsAre(HasSubstr("bytes long; expected at most")));
  EXPECT_THAT(mistakes({{"playbook", {{"steps", Json::array()}}}}), ElementsAre(StartsWith("playbook.steps is empty")));
}

TEST_F(DefinitionTest, NoMoreMistakesAreKeptThanAPersonReads) {
  Json json = {{"playbook", {{"steps", Json::array()}}}};
  for (int i = 0; i < 40; ++i)
    json["playbook"]["steps"].push_back({{"id", "s" + std::to_string(i)}, {"tool", "nothing"}});
  Result<AgentDefinition> definition = parse_definition(json, directory_);

  ASSERT_FALSE(definition);
  EXPECT_THAT(definition.error().fields, SizeIs(20));
  EXPECT_THAT(definition.error().message, StartsWith("There are 40 mistakes in the agent: playbook.steps[0].tool is"));
  EXPECT_THAT(definition.error().message, testing::EndsWith("; and more."));
}

}  // namespace
}  // namespace weir::tools::agents

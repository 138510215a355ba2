#include <gmock/gmock.h>

#include "tests/unit/agents/fake_directory.h"

namespace weir::tools::agents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class PlaybookGraphTest : public DefinitionTest {
 protected:
  // "id<needs" in the stored order.
  std::vector<std::string> order(std::string_view steps) {
    std::vector<std::string> text;
    for (const Step& step : parsed(playbook(steps)).playbook.steps) {
      std::string needs;
      for (const std::string& id : step.needs) needs += (needs.empty() ? "" : ",") + id;
      text.push_back(step.id + "<" + needs);
    }
    return text;
  }
};

TEST_F(PlaybookGraphTest, AListWithoutNeedsIsASequence) {
  EXPECT_THAT(order(R"([{"id": "a", "tool": "list_targets"}, {"id": "b", "tool": "list_targets"},
                        {"id": "c", "tool": "get_scan", "args": {"scan_id": "${steps.a.result.id}"}}])"),
              ElementsAre("a<", "b<a", "c<b"));
}

TEST_F(PlaybookGraphTest, OnceAStepSaysNeedsTheListIsAGraph) {
  EXPECT_THAT(order(R"([{"id": "a", "tool": "list_targets", "needs": []}, {"id": "b", "tool": "list_targets"},
                        {"id": "c", "tool": "list_targets", "needs": ["b", "b"]}])"),
              ElementsAre("a<", "b<", "c<b"));
}

TEST_F(PlaybookGraphTest, AStepNeedsWhatItReadsUnlessItDoesAlready) {
  EXPECT_THAT(order(R"([{"id": "a", "tool": "list_targets", "needs": []},
                        {"id": "b", "tool": "get_scan", "args": {"scan_id": "${steps.a.result.id}"}},
                        {"id": "c", "tool": "get_scan", "args": {"scan_id": "x ${steps.a.result.id}"}, "needs": ["b"]},
                        {"id": "d", "tool": "list_targets", "when": "steps.c.status == 'completed'"},
                        {"id": "e", "tool": "get_scan", "for_each": "steps.b.result.ids", "args": {"scan_id": "${item}"},
                         "until": "${result.done && index >= 0}"}])"),
              ElementsAre("a<", "b<a", "c<b", "d<c", "e<b"));
}

TEST_F(PlaybookGraphTest, StepsAreSortedSoThatEachFollowsItsNeeds) {
  EXPECT_THAT(order(R"([{"id": "last", "tool": "list_targets", "needs": ["mid"]},
                        {"id": "mid", "tool": "get_scan", "args": {"scan_id": "${steps.first.result.id}"}},
                        {"id": "free", "tool": "list_targets"}, {"id": "first", "tool": "list_targets"}])"),
              ElementsAre("free<", "first<", "mid<first", "last<mid"));
}

TEST_F(PlaybookGraphTest, ACircleIsRefusedByName) {
  EXPECT_THAT(mistakes(playbook(R"([{"id": "x", "tool": "list_targets"},
                                    {"id": "a", "tool": "list_targets", "needs": ["c", "x"]},
                                    {"id": "b", "tool": "list_targets", "needs": ["a"]},
                                    {"id": "c", "tool": "get_scan", "args": {"scan_id": "${steps.b.result.id}"}}])")),
              ElementsAre(HasSubstr("playbook.steps[1].needs goes round in a circle: a -> c -> b -> a")));
  EXPECT_THAT(mistakes(playbook(R"([{"id": "a", "tool": "list_targets", "needs": ["a"]}])")),
              ElementsAre(HasSubstr("playbook.steps[0].needs[0] is \"a\", the step itself")));
}

TEST_F(PlaybookGraphTest, UnknownStepsAreToldWithTheLikelyOne) {
  EXPECT_THAT(mistakes(playbook(R"([{"id": "scan", "tool": "list_targets"},
                                    {"id": "b", "tool": "get_scan", "args": {"scan_id": "${steps.scna.result.id}"}, "needs": ["skan", 4]}])")),
              ElementsAre(HasSubstr("playbook.steps[1].needs[1] is the number 4")));
  EXPECT_THAT(
      mistakes(playbook(R"([{"id": "scan", "tool": "list_targets"},
                                    {"id": "b", "tool": "get_scan", "args": {"scan_id": "${steps.scna.result.id}"}, "needs": ["skan"]}])")),
      ElementsAre(HasSubstr("playbook.steps[1].needs[0] is \"skan\", which is no step; did you mean scan?"),
                  HasSubstr("playbook.steps[1].args.scan_id reads steps.scna, which is no step; did you mean scan?")));
}

TEST_F(PlaybookGraphTest, InASequenceNothingIsReadBeforeItIsThere) {
  EXPECT_THAT(mistakes(playbook(R"([{"id": "a", "tool": "get_scan", "args": {"scan_id": "${steps.b.result.id}"}},
                                    {"id": "b", "tool": "get_scan", "args": {"scan_id": "${steps.b.result.id}"}}])")),
              ElementsAre(HasSubstr("playbook.steps[0].args.scan_id reads steps.b, which comes later"),
                          HasSubstr("playbook.steps[1].args.scan_id reads steps.b, the step itself")));
}

TEST_F(PlaybookGraphTest, ResultAndResultsAreNotMixedUp) {
  EXPECT_THAT(
      mistakes(playbook(R"([{"id": "one", "tool": "list_targets"},
                                    {"id": "each", "tool": "get_scan", "for_each": "${steps.one.results}", "args": {"scan_id": "${item}"}},
                                    {"id": "c", "tool": "get_scan", "args": {"scan_id": "${steps.each.result.id}"}}])")),
      ElementsAre(
          HasSubstr(
              "steps[1].for_each reads steps.one.results, but that step has no for_each; expected steps.one.result"),
          HasSubstr("steps[2].args.scan_id reads steps.each.result, but that step has for_each; expected "
                    "steps.each.results")));
}

TEST_F(PlaybookGraphTest, ItemAndResultHaveTheirPlaces) {
  EXPECT_THAT(
      mistakes(playbook(R"([{"id": "a", "tool": "get_scan", "args": {"scan_id": "${item}"}, "when": "${result.x}"}])")),
      ElementsAre(HasSubstr("playbook.steps[0].when reads result, which there is only in until"),
                  HasSubstr("playbook.steps[0].args.scan_id reads item, which there is only in args and until")));
}

TEST_F(PlaybookGraphTest, AResultIsCalledByItsOtherName) {
  EXPECT_THAT(order(R"([{"id": "a", "tool": "list_targets", "output_as": "targets", "needs": []},
                        {"id": "b", "tool": "get_scan", "args": {"scan_id": "${steps.targets.result.id}"}}])"),
              ElementsAre("a<", "b<a"));
  EXPECT_THAT(mistakes(playbook(R"([{"id": "a", "tool": "list_targets", "output_as": "targets"},
                                    {"id": "b", "tool": "get_scan", "args": {"scan_id": "${steps.a.result.id}"}}])")),
              ElementsAre(HasSubstr("reads steps.a, whose result is called by its output_as: steps.targets")));
  EXPECT_THAT(
      mistakes(playbook(R"([{"id": "a", "tool": "list_targets"}, {"id": "b", "tool": "list_targets", "output_as": "a"},
                                    {"id": "a", "tool": "list_targets"}])")),
      ElementsAre(HasSubstr("playbook.steps[1].output_as is \"a\", which is already the name of playbook.steps[0]"),
                  HasSubstr("playbook.steps[2].id is \"a\", which is already the name of playbook.steps[0]")));
}

TEST_F(PlaybookGraphTest, InputsAreThoseOfTheSchema) {
  Json json = playbook(R"([{"id": "a", "tool": "get_scan", "args": {"scan_id": "${inputs.scan}"}}])");
  json["input_schema"] =
      json_of(R"({"type": "object", "properties": {"scan_id": {"type": "string"}}, "additionalProperties": false})");
  EXPECT_THAT(mistakes(json),
              ElementsAre(HasSubstr(
                  "args.scan_id reads inputs.scan, which input_schema does not have; did you mean scan_id?")));
  json["input_schema"].erase("additionalProperties");
  EXPECT_EQ(parsed(json).playbook.steps.size(), 1U);
}

TEST_F(PlaybookGraphTest, ExpressionsThatAreNoneAreToldWhereTheyStand) {
  Json json =
      playbook(R"([{"id": "a", "tool": "list_findings", "args": {"severity": ["x", "${inputs.}"]}, "when": "1 +"}])");
  json["playbook"]["output"] =
      json_of(R"({"x": [{"y": "${nothing.at.all}"}], "${inputs.a}": 1, "z": "${steps.b.result}"})");
  const auto told = mistakes(json);

  ASSERT_EQ(told.size(), 5U) << testing::PrintToString(told);
  EXPECT_THAT(told[0], StartsWith("playbook.steps[0].when "));
  EXPECT_THAT(told[1], StartsWith("playbook.steps[0].args.severity[1] "));
  EXPECT_THAT(told[2], HasSubstr("playbook.output has a member whose name holds ${"));
  EXPECT_THAT(told[3], StartsWith("playbook.output.x[0].y "));
  EXPECT_THAT(told[4], StartsWith("playbook.output.z reads steps.b, which is no step"));
}

}  // namespace
}  // namespace weir::tools::agents

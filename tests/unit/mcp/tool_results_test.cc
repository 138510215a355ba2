#include "server/mcp/tool_results.h"

#include "server/mcp/instructions.h"
#include "tools/schema.h"

namespace weir::mcp {
namespace {

tools::Tool tool() {
  return {.name = "t",
          .title = "T",
          .description = "d",
          .input_schema = {{"type", "object"}},
          .output_schema = {{"type", "object"},
                            {"$defs", {{"n", {{"type", "integer"}}}}},
                            {"properties", {{"count", {{"$ref", "#/$defs/n"}}}}},
                            {"required", {"count"}},
                            {"additionalProperties", false}},
          .annotations = {},
          .scope = tools::Scope::none,
          .cost = 1,
          .rest = std::nullopt,
          .handler = {}};
}

// Clients hold a failed result to the output schema too, so the error object must fit it.
TEST(ToolResultsTest, OutputSchemaFitsSuccessAndFailureAndNothingElse) {
  const tools::Schema schema(output_schema(tool()));

  EXPECT_TRUE(schema.violations({{"count", 1}}).empty());
  EXPECT_TRUE(schema.violations(error_answer(Error(ErrorCode::conflict, "no"), "req_1").structured).empty());
  EXPECT_FALSE(schema.violations({{"count", "one"}}).empty());
  EXPECT_FALSE(schema.violations(Json::object()).empty());
}

TEST(ToolResultsTest, OutputSchemaHasAnObjectAtItsRoot) { EXPECT_EQ(output_schema(tool())["type"], "object"); }

TEST(ToolResultsTest, ErrorTextNamesEachField) {
  const Error error =
      Error(ErrorCode::validation_failed, "Wrong arguments.").with_field("text", "is 5; expected a string");

  EXPECT_EQ(error_answer(error, "req_1").texts.at(0), "Wrong arguments.\n- text: is 5; expected a string");
}

TEST(ToolResultsTest, StripsStructureThatIsNoObjectBeforeItWasAllowed) {
  const ToolAnswer answer{false, {"x"}, Json::array({1})};

  EXPECT_FALSE(call_tool_result(answer, Revision::r2025_11_25, {}).contains("structuredContent"));
  EXPECT_TRUE(call_tool_result(answer, Revision::r2026_07_28, {}).contains("structuredContent"));
}

TEST(ToolResultsTest, ResetIsRoundedUpToWholeSeconds) {
  limits::Decision decision;
  decision.states.push_back({"minute", 100, std::chrono::seconds{60}, 7, from_unix_ms(1'001)});

  EXPECT_EQ(rate_limit_meta(decision)["reset"], 2);
}

TEST(InstructionsTest, StayBelowWhatHostsCutOff) { EXPECT_LT(instructions().size(), kInstructionsBytesMax); }

TEST(InstructionsTest, NameTheStepsAndThePace) {
  for (const char* word : {"create_target", "create_scan", "wait_seconds", "list_findings", "get_report",
                           "weir/rateLimit", "retryAfter"}) {
    EXPECT_NE(instructions().find(word), std::string_view::npos) << word;
  }
}

}  // namespace
}  // namespace weir::mcp

#include "tools/agents/definition_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agents/fake_directory.h"

namespace weir::tools::agents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> told(const Error& error) {
  std::vector<std::string> texts;
  for (const FieldError& field : error.fields) texts.push_back(field.field + " " + field.message);
  return texts;
}

TEST(NarrowedLimitsTest, ARunMayHaveLessButNotMore) {
  RunLimits most;
  most.max_total_tokens = 1'000;
  const Result<RunLimits> less = narrowed_limits(
      most, json_of(R"({"max_steps": 20, "wall_s": 10, "max_total_tokens": 999, "max_cost_microusd": 7})"), "limits");
  ASSERT_TRUE(less);
  EXPECT_EQ(less->max_steps, 20);
  EXPECT_EQ(less->wall, std::chrono::seconds{10});
  EXPECT_EQ(less->max_total_tokens, 999);
  EXPECT_EQ(less->max_cost_microusd, 7);
  EXPECT_EQ(less->max_tool_calls, most.max_tool_calls);

  const Result<RunLimits> more = narrowed_limits(
      most,
      json_of(
          R"({"max_steps": 21, "wall_s": 601, "max_total_tokens": 1001, "max_parallel": 0, "wal": 1, "same_call_max": 1.5})"),
      "limits");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::validation_failed);
  EXPECT_THAT(told(more.error()),
              ElementsAre(HasSubstr("limits.wal is not known; did you mean wall_s?"),
                          "limits.max_steps is the number 21; expected an integer from 1 to 20",
                          "limits.max_parallel is the number 0; expected an integer from 1 to 4",
                          "limits.wall_s is the number 601; expected an integer from 1 to 600",
                          "limits.same_call_max is the number 1.5; expected an integer from 1 to 3",
                          "limits.max_total_tokens is the number 1001; expected an integer from 1 to 1000"));
}

TEST(NarrowedLimitsTest, WithoutAWishAllStays) {
  const RunLimits most;
  EXPECT_TRUE(*narrowed_limits(most, nullptr, "limits") == most);
  EXPECT_TRUE(*narrowed_limits(most, Json::object(), "limits") == most);
  EXPECT_FALSE(narrowed_limits(most, 3, "limits"));
}

TEST(NarrowedLimitsTest, TheirJsonReadsBackAsTheSame) {
  RunLimits limits;
  limits.max_steps = 7;
  limits.wall = std::chrono::seconds{8};
  limits.max_cost_microusd = 9;
  EXPECT_TRUE(*narrowed_limits(limits, limits_json(limits), "limits") == limits);
  EXPECT_TRUE(limits_json(limits)["max_total_tokens"].is_null());
}

class LimitsOfDefinitionTest : public DefinitionTest {};

TEST_F(LimitsOfDefinitionTest, TheServersWallTimeBoundsTheAgents) {
  rules_.wall_max = std::chrono::seconds{300};
  Json json = playbook(R"([{"id": "a", "tool": "list_targets"}])");
  EXPECT_EQ(parsed(json).limits.wall, std::chrono::seconds{300});
  json["limits"] = {{"wall_s", 301}};
  EXPECT_THAT(mistakes(json), ElementsAre("limits.wall_s is the number 301; expected an integer from 1 to 300"));
}

TEST_F(LimitsOfDefinitionTest, NumbersThatNoIntegerHoldsAreRefused) {
  Json json = playbook(R"([{"id": "a", "tool": "list_targets"}])");
  for (const char* number : {"1e300", "18446744073709551615", "-9223372036854775808", "9.5"}) {
    json["limits"] = {{"max_steps", json_of(number)}};
    EXPECT_THAT(mistakes(json), ElementsAre(HasSubstr("limits.max_steps is the number")));
  }
}

TEST_F(LimitsOfDefinitionTest, APlaybookMayPollButAModelNotLoop) {
  EXPECT_EQ(parsed(playbook(R"([{"id": "a", "tool": "list_targets"}])")).limits.same_call_max, 40);
  EXPECT_EQ(parsed(R"({"instructions": "x"})").limits.same_call_max, 3);
}

}  // namespace
}  // namespace weir::tools::agents

#include <gtest/gtest.h>

#include "tools/runs/playbook/expression.h"

namespace weir::tools::runs {
namespace {

std::string mistake(std::string_view text) {
  const auto expression = Expression::parse(text);
  EXPECT_FALSE(expression) << text << " is parsed";
  if (expression) return "";
  EXPECT_EQ(expression.error().code, ErrorCode::validation_failed);
  return expression.error().message;
}

// `text`, and what the message says after it.
void expect_mistake(std::string_view text, std::string_view what) {
  EXPECT_EQ(mistake(text), "\"" + std::string(text) + "\": " + std::string(what));
}

TEST(ExpressionParserTest, AMistakeSaysWhereAndWhatWasExpected) {
  expect_mistake("", "at 1: expected a value, found the end");
  expect_mistake("inputs.a ==", "at 12: expected a value, found the end");
  expect_mistake("inputs.a inputs.b", "at 10: expected an operator or the end, found \"inputs.b\"");
  expect_mistake("(inputs.a", "at 10: expected \")\" for the \"(\" at 1, found the end");
  expect_mistake("[1 2]", "at 4: expected \",\" or \"]\", found \"2]\"");
  expect_mistake("len(inputs.a", "at 13: expected \",\" or \")\", found the end");
  expect_mistake("inputs.", "at 8: expected a member's name after \".\", found the end");
  expect_mistake("inputs.a[1", "at 11: expected \"]\", found the end");
  expect_mistake("inputs.a[-1]", "at 10: expected a position from 0 or a member's name in quotes");
  expect_mistake("inputs.a[1.5]", "at 10: expected a position from 0 or a member's name in quotes");
  expect_mistake("1 == 'abc", "at 6: this text has no closing quote");
  expect_mistake("'a\\x'", "at 3: unknown escape; there are \\n \\r \\t \\\" \\' \\\\ \\/");
  expect_mistake("1x", "at 1: \"1x\" is no number");
  expect_mistake("01", "at 1: \"01\" is no number");
  expect_mistake("true.x", "at 5: a literal has no members");
  expect_mistake("1 < 2 < 3", "at 7: comparisons do not chain: join two of them with &&");
  expect_mistake("@", "at 1: expected a value, found \"@\"");
}

TEST(ExpressionParserTest, WhatOtherLanguagesHaveIsExplained) {
  expect_mistake("inputs.a = 1", "at 10: one = is no operator: compare with ==");
  expect_mistake("inputs.a & true", "at 10: one & is no operator: write &&");
  expect_mistake("inputs.a | true", "at 10: one | is no operator: write ||");
  expect_mistake("inputs.a + 1", "at 10: there is no arithmetic: put texts together in the template, \"${a} ${b}\"");
  expect_mistake("inputs.a ? 1 : 2", "at 10: there is no ?: here: use `when`, or default(path, otherwise)");
}

TEST(ExpressionParserTest, UnknownNamesAreExplained) {
  expect_mistake(
      "high",
      "at 1: there is no \"high\": paths begin with one of inputs, steps, run, item, index, result, and a text "
      "stands in quotes");
  expect_mistake("1 == env.HOME",
                 "at 6: there is no \"env\": paths begin with one of inputs, steps, run, item, index, result, and "
                 "a text stands in quotes");
  expect_mistake("len", "at 1: \"len\" is a function: write len(value)");
  expect_mistake("exec('ls')",
                 "at 1: there is no function \"exec\"; there are len, contains, default, severity_at_least, join, "
                 "pluck, filter, flatten, zip, rows");
  expect_mistake("join([1])", "at 1: join(list, separator) does not take 1 value");
  expect_mistake("len(1, 2)", "at 1: len(value) does not take 2 values");
  expect_mistake("steps", "at 1: \"steps\" wants the name of a step: steps.scan.result");
  expect_mistake("steps[inputs.a].result", "at 1: \"steps\" wants the name of a step: steps.scan.result");
  expect_mistake("steps[0].result", "at 1: \"steps\" wants the name of a step: steps.scan.result");
  expect_mistake("steps[''].result", "at 1: \"steps\" wants the name of a step: steps.scan.result");
}

TEST(ExpressionParserTest, WordsThatBeginLikeOthersAreOnlyThemselves) {
  EXPECT_NE(mistake("inputs.a insteps.b").find("expected an operator"), std::string::npos) << "in is a word";
  EXPECT_NE(mistake("trueish").find("there is no \"trueish\""), std::string::npos);
  EXPECT_TRUE(Expression::parse("inputs.in in inputs.true"));
  EXPECT_TRUE(Expression::parse("inputs.get-it"));
}

TEST(ExpressionParserTest, DepthIsBounded) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '(') + "1" + std::string(depth, ')'); };
  EXPECT_TRUE(Expression::parse(nested(kExpressionDepthMax)));
  EXPECT_NE(mistake(nested(kExpressionDepthMax + 1)).find("nested deeper than 32 levels"), std::string::npos);
  EXPECT_NE(mistake(std::string(40, '!') + "true").find("nested deeper"), std::string::npos);
  EXPECT_NE(mistake(std::string(40, '[')).find("nested deeper"), std::string::npos);

  std::string calls;
  std::string indexes;
  for (int i = 0; i < 40; ++i) {
    calls += "len(";
    indexes += "inputs[";
  }
  EXPECT_NE(mistake(calls).find("nested deeper"), std::string::npos);
  EXPECT_NE(mistake(indexes).find("nested deeper"), std::string::npos);
}

TEST(ExpressionParserTest, LengthIsBounded) {
  const auto padded = [](std::size_t size) { return "1" + std::string(size - 1, ' '); };
  const auto quoted = [](std::size_t size) { return "'" + std::string(size - 2, 'x') + "'"; };
  EXPECT_TRUE(Expression::parse(quoted(kExpressionBytesMax)));
  EXPECT_NE(mistake(quoted(kExpressionBytesMax + 1)).find("at most 4096 bytes; this one has 4097"), std::string::npos);
  EXPECT_TRUE(Expression::parse(padded(kExpressionBytesMax)));
}

TEST(ExpressionParserTest, ALongSentenceIsNotDeep) {
  std::string text = "inputs.a";
  while (text.size() < kExpressionBytesMax - 20) text += " || inputs.a";
  EXPECT_TRUE(Expression::parse(text));
}

}  // namespace
}  // namespace weir::tools::runs

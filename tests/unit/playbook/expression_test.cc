#include "tools/runs/playbook/expression.h"

#include <gtest/gtest.h>

namespace weir::tools::runs {
namespace {

// What a run could look like in the middle.
class ExpressionTest : public ::testing::Test {
 protected:
  const Json inputs_ =
      Json::parse(R"({"url": "http://a.example/", "n": 7, "half": 0.5, "yes": true, "no": false, "nothing": null,
      "list": ["a", "b", 3], "grades": {"A": 1, "odd name": 2}, "empty": []})");
  const Json steps_ = Json::parse(R"({
      "scan": {"status": "completed", "result": {"id": "scn_1", "counts": {"high": 2}, "findings": [{"id": "fnd_1"}, {"id": "fnd_2"}]}},
      "each": {"status": "completed", "results": [{"grade": "A"}, null]},
      "get-it": {"status": "failed", "error": {"code": "not_found", "message": "no"}},
      "left": {"status": "skipped"}})");
  const Json item_{{"id", "tgt_1"}};
  const Json index_ = 1;
  const Bindings bindings_{{"inputs", &inputs_}, {"steps", &steps_}, {"item", &item_}, {"index", &index_}};

  Result<Json> result_of(std::string_view text) const {
    auto expression = Expression::parse(text);
    if (!expression) return std::move(expression).error();
    return expression->evaluate(bindings_);
  }
  Json value_of(std::string_view text) const {
    auto value = result_of(text);
    if (!value) {
      ADD_FAILURE() << text << ": " << value.error().message;
      return nullptr;
    }
    return *std::move(value);
  }
  bool is_true(std::string_view text) const { return value_of(text) == Json(true); }
  bool is_false(std::string_view text) const { return value_of(text) == Json(false); }
  std::string mistake(std::string_view text) const {
    const auto value = result_of(text);
    EXPECT_FALSE(value) << text << " is " << to_text(*value);
    return value ? "" : value.error().message;
  }
  ErrorCode code(std::string_view text) const {
    const auto value = result_of(text);
    EXPECT_FALSE(value) << text;
    return value ? ErrorCode::internal : value.error().code;
  }
};

TEST_F(ExpressionTest, PathsReadMembersAndPositions) {
  EXPECT_EQ(value_of("inputs.url"), "http://a.example/");
  EXPECT_EQ(value_of("steps.scan.result.id"), "scn_1");
  EXPECT_EQ(value_of("steps.scan.status"), "completed");
  EXPECT_EQ(value_of("steps.each.results[0].grade"), "A");
  EXPECT_EQ(value_of("steps.each.results[1]"), nullptr);
  EXPECT_EQ(value_of("steps.get-it.error.code"), "not_found");
  EXPECT_EQ(value_of("inputs.grades[\"odd name\"]"), 2);
  EXPECT_EQ(value_of("inputs['url']"), "http://a.example/");
  EXPECT_EQ(value_of("item.id"), "tgt_1");
  EXPECT_EQ(value_of("inputs.list[index]"), "b");
}

TEST_F(ExpressionTest, AWholeValueKeepsItsType) {
  EXPECT_TRUE(value_of("inputs.n").is_number_integer());
  EXPECT_TRUE(value_of("inputs.half").is_number_float());
  EXPECT_TRUE(value_of("steps.scan.result.counts").is_object());
  EXPECT_TRUE(value_of("inputs.list").is_array());
  EXPECT_TRUE(value_of("inputs.nothing").is_null());
}

TEST_F(ExpressionTest, Literals) {
  EXPECT_EQ(value_of("12"), 12);
  EXPECT_EQ(value_of("-1.5e1"), -15.0);
  EXPECT_EQ(value_of("\"a'\\\"\\\\\\n\""), "a'\"\\\n");
  EXPECT_EQ(value_of("'a\"\\'b'"), "a\"'b");
  EXPECT_EQ(value_of("true"), true);
  EXPECT_EQ(value_of("false"), false);
  EXPECT_EQ(value_of("null"), nullptr);
  EXPECT_EQ(value_of("[1, 'two', [inputs.n] ]"), Json::parse(R"([1, "two", [7]])"));
  EXPECT_EQ(value_of("[]"), Json::array());
  EXPECT_EQ(value_of("['a', 'b'][1]"), "b");
}

TEST_F(ExpressionTest, EqualIsByValueAndType) {
  EXPECT_TRUE(is_true("inputs.n == 7"));
  EXPECT_TRUE(is_false("inputs.n == 8"));
  EXPECT_TRUE(is_true("1 == 1.0"));
  EXPECT_TRUE(is_false("1 == \"1\""));
  EXPECT_TRUE(is_false("0 == false"));
  EXPECT_TRUE(is_true("inputs.nothing == null"));
  EXPECT_TRUE(is_true("inputs.list == ['a', 'b', 3]"));
  EXPECT_TRUE(is_false("inputs.list == ['b', 'a', 3]"));
}

TEST_F(ExpressionTest, UnequalIsTheOpposite) {
  EXPECT_TRUE(is_false("inputs.n != 7"));
  EXPECT_TRUE(is_true("inputs.n != 8"));
  EXPECT_TRUE(is_true("inputs.url != null"));
}

TEST_F(ExpressionTest, OrderOfNumbers) {
  EXPECT_TRUE(is_true("1 < 2"));
  EXPECT_TRUE(is_false("2 < 2"));
  EXPECT_TRUE(is_false("3 < 2"));
  EXPECT_TRUE(is_true("1 <= 2"));
  EXPECT_TRUE(is_true("2 <= 2"));
  EXPECT_TRUE(is_false("3 <= 2"));
  EXPECT_TRUE(is_false("1 > 2"));
  EXPECT_TRUE(is_false("2 > 2"));
  EXPECT_TRUE(is_true("3 > 2"));
  EXPECT_TRUE(is_false("1 >= 2"));
  EXPECT_TRUE(is_true("2 >= 2"));
  EXPECT_TRUE(is_true("3 >= 2"));
  EXPECT_TRUE(is_true("inputs.half < 1"));
}

TEST_F(ExpressionTest, OrderOfTexts) {
  EXPECT_TRUE(is_true("'A' < 'B'"));
  EXPECT_TRUE(is_false("'B' < 'A'"));
  EXPECT_TRUE(is_true("'2026-11-22T10:00:00.000Z' >= '2026-11-22T09:59:59.999Z'"));
  EXPECT_TRUE(is_true("'A' <= 'A'"));
  EXPECT_TRUE(is_true("'B' > 'A'"));
}

TEST_F(ExpressionTest, OnlyTwoNumbersOrTwoTextsHaveAnOrder) {
  EXPECT_EQ(mistake("inputs.n < inputs.url"),
            "\"inputs.n < inputs.url\": \"inputs.n < inputs.url\" compares what is of type integer with what is of "
            "type string: "
            "two numbers or two texts can be compared");
  EXPECT_EQ(code("null >= 1"), ErrorCode::validation_failed);
  EXPECT_EQ(code("[1] < [2]"), ErrorCode::validation_failed);
  EXPECT_EQ(code("true > false"), ErrorCode::validation_failed);
}

TEST_F(ExpressionTest, InLooksIntoListsTextsAndObjects) {
  EXPECT_TRUE(is_true("'a' in inputs.list"));
  EXPECT_TRUE(is_true("3 in inputs.list"));
  EXPECT_TRUE(is_false("'c' in inputs.list"));
  EXPECT_TRUE(is_false("'c' in []"));
  EXPECT_TRUE(is_true("'example' in inputs.url"));
  EXPECT_TRUE(is_false("'b.example' in inputs.url"));
  EXPECT_TRUE(is_true("'A' in inputs.grades"));
  EXPECT_TRUE(is_false("'F' in inputs.grades"));
  EXPECT_NE(mistake("1 in 2").find("in wants a list, a text or an object"), std::string::npos);
  EXPECT_NE(mistake("1 in 'a'").find("in wants a text to look for"), std::string::npos);
}

TEST_F(ExpressionTest, AndOrNot) {
  EXPECT_TRUE(is_true("inputs.yes && inputs.yes"));
  EXPECT_TRUE(is_false("inputs.yes && inputs.no"));
  EXPECT_TRUE(is_false("inputs.no && inputs.yes"));
  EXPECT_TRUE(is_false("inputs.yes && inputs.yes && inputs.no"));
  EXPECT_TRUE(is_true("inputs.yes || inputs.no"));
  EXPECT_TRUE(is_true("inputs.no || inputs.yes"));
  EXPECT_TRUE(is_false("inputs.no || inputs.no"));
  EXPECT_TRUE(is_true("inputs.no || inputs.no || inputs.yes"));
  EXPECT_TRUE(is_true("!inputs.no"));
  EXPECT_TRUE(is_false("!inputs.yes"));
  EXPECT_TRUE(is_true("!!inputs.yes"));
}

TEST_F(ExpressionTest, TheRightSideIsNotLookedAtWhenTheLeftOneDecides) {
  EXPECT_TRUE(is_false("inputs.no && inputs.missing"));
  EXPECT_TRUE(is_true("inputs.yes || inputs.missing"));
  EXPECT_EQ(code("inputs.yes && inputs.missing"), ErrorCode::not_found);
  EXPECT_EQ(code("inputs.no || inputs.missing"), ErrorCode::not_found);
}

TEST_F(ExpressionTest, OnlyTrueAndFalseAreTrueAndFalse) {
  EXPECT_EQ(mistake("inputs.n && inputs.yes"),
            "\"inputs.n && inputs.yes\": && wants true or false, and \"inputs.n\" is of type integer");
  EXPECT_NE(mistake("inputs.no || inputs.nothing").find("|| wants true or false, and \"inputs.nothing\" is null"),
            std::string::npos);
  EXPECT_NE(mistake("!inputs.url").find("! wants true or false"), std::string::npos);
}

TEST_F(ExpressionTest, BindingStrengthIsAsInC) {
  EXPECT_TRUE(is_true("true || false && false")) << "&& binds tighter than ||";
  EXPECT_TRUE(is_false("(true || false) && false"));
  EXPECT_TRUE(is_true("1 == 1 && 2 == 2")) << "comparisons bind tighter than &&";
  EXPECT_TRUE(is_false("!inputs.yes == true")) << "! binds tighter than ==";
  EXPECT_TRUE(is_true("!(1 == 2)"));
}

TEST_F(ExpressionTest, AMissingMemberIsAnErrorThatNamesThePath) {
  EXPECT_EQ(mistake("steps.scan.result.ID"),
            "\"steps.scan.result.ID\": steps.scan.result.ID is not there: look at steps.scan.result, it has counts, "
            "findings, id");
  EXPECT_EQ(mistake("steps.left.result.id"),
            "\"steps.left.result.id\": steps.left.result is not there: look at steps.left, it has status");
  EXPECT_NE(mistake("inputs.list[3]").find("inputs.list[3] is not there: look at inputs.list, it is a list of 3"),
            std::string::npos);
  EXPECT_NE(mistake("inputs.nothing.x").find("it is null"), std::string::npos);
  EXPECT_NE(mistake("inputs.n.x").find("it is a value of type integer"), std::string::npos);
  EXPECT_EQ(code("steps.other.result"), ErrorCode::not_found);

  const auto value = result_of("inputs.yes && steps.left.result.id == 1");
  ASSERT_FALSE(value);
  ASSERT_EQ(value.error().fields.size(), 1U);
  EXPECT_EQ(value.error().fields[0].field, "steps.left.result");
}

TEST_F(ExpressionTest, ANameWithoutAValueHereIsMissing) {
  EXPECT_EQ(mistake("result.id"), "\"result.id\": \"result\" has no value here");
  EXPECT_EQ(value_of("default(result.id, 1)"), 1);
}

TEST_F(ExpressionTest, PositionsAreIntegersFromZero) {
  EXPECT_EQ(code("inputs.list[inputs.half]"), ErrorCode::validation_failed);
  EXPECT_EQ(code("inputs.list[inputs.yes]"), ErrorCode::validation_failed);
  EXPECT_EQ(code("inputs.grades[0]"), ErrorCode::not_found);
  EXPECT_EQ(code("inputs.list['a']"), ErrorCode::not_found);
}

TEST_F(ExpressionTest, AConditionIsTrueOrFalse) {
  const auto condition = Expression::parse("${inputs.n > 6}");
  ASSERT_TRUE(condition) << condition.error().message;
  EXPECT_TRUE(*condition->evaluate_condition(bindings_));

  const auto number = Expression::parse("inputs.n")->evaluate_condition(bindings_);

  ASSERT_FALSE(number);
  EXPECT_EQ(number.error().message, "\"inputs.n\": a condition must be true or false, and this is of type integer");
}

TEST_F(ExpressionTest, BracesAroundAllOfItAreTakenOff) {
  EXPECT_EQ(Expression::parse(" ${ inputs.n } ")->text(), " inputs.n ");
  EXPECT_EQ(value_of("${inputs.n}"), 7);
}

TEST_F(ExpressionTest, AnEvaluationLooksAtSoManyValuesAndNoMore) {
  const Json many = std::vector<int>(static_cast<std::size_t>(kEvaluationStepsMax) - 10, 1);
  const Bindings bindings{{"inputs", &many}};
  EXPECT_TRUE(Expression::parse("2 in inputs")->evaluate(bindings));

  const auto twice = Expression::parse("2 in inputs || 2 in inputs")->evaluate(bindings);

  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::payload_too_large);
  EXPECT_NE(twice.error().message.find("looks at more than 10000 values"), std::string::npos);
}

TEST_F(ExpressionTest, AValueIsBounded) {
  const Json large{{"text", std::string(kExpressionValueBytesMax - 10, 'x')}};
  const Bindings bindings{{"inputs", &large}};
  EXPECT_TRUE(Expression::parse("inputs.text")->evaluate(bindings));
  EXPECT_TRUE(Expression::parse("len([inputs.text, inputs.text])")->evaluate(bindings)) << "what comes out is bounded";

  const auto two = Expression::parse("[inputs.text, inputs.text]")->evaluate(bindings);

  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, ErrorCode::payload_too_large);
}

TEST_F(ExpressionTest, ReferencesSayWhatIsRead) {
  const auto expression = Expression::parse(
      "steps.scan.result.findings[0].id == inputs.url && len(steps.each.results) > index || item in "
      "inputs.list[steps.left.status] && run.id == default(steps['get-it'].error, 1)");
  ASSERT_TRUE(expression) << expression.error().message;

  std::vector<std::string> seen;
  for (const Reference& one : expression->references()) {
    seen.push_back(one.root + "|" + one.step + "|" + one.member + "|" + one.text + "|" +
                   (expression->text().compare(one.position, one.root.size(), one.root) == 0 ? "here" : "elsewhere"));
  }

  EXPECT_EQ(seen, (std::vector<std::string>{"steps|scan|result|steps.scan.result.findings[0].id|here",
                                            "inputs||url|inputs.url|here", "steps|each|results|steps.each.results|here",
                                            "index|||index|here", "item|||item|here", "inputs||list|inputs.list|here",
                                            "steps|left|status|steps.left.status|here", "run||id|run.id|here",
                                            "steps|get-it|error|steps.get-it.error|here"}));
}

}  // namespace
}  // namespace weir::tools::runs

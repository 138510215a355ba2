#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tools/runs/playbook/expression.h"

namespace weir::tools::runs {
namespace {

const Json& inputs() {
  static const Json kInputs = Json::parse(R"({
      "list": [{"id": "a", "severity": "high", "counts": {"high": 2}}, null, {"id": "b", "severity": "low", "counts": {"high": 0}}],
      "pages": [[1, 2], [3], null, [], 4],
      "words": ["x", 1, true, null, {"a": 1}],
      "text": "grüße", "nothing": null})");
  return kInputs;
}

Result<Json> result_of(std::string_view text) {
  auto expression = Expression::parse(text);
  if (!expression) return std::move(expression).error();
  return expression->evaluate({{"inputs", &inputs()}});
}

Json value_of(std::string_view text) {
  auto value = result_of(text);
  if (!value) {
    ADD_FAILURE() << text << ": " << value.error().message;
    return nullptr;
  }
  return *std::move(value);
}

std::string mistake(std::string_view text) {
  const auto value = result_of(text);
  EXPECT_FALSE(value) << text;
  return value ? "" : value.error().message.substr(text.size() + 4);
}

TEST(ExpressionFunctionsTest, LenCountsElementsMembersAndCharacters) {
  EXPECT_EQ(value_of("len(inputs.list)"), 3);
  EXPECT_EQ(value_of("len([])"), 0);
  EXPECT_EQ(value_of("len(inputs)"), 5);
  EXPECT_EQ(value_of("len(inputs.text)"), 5) << "characters, not bytes";
  EXPECT_EQ(mistake("len(1)"), "len wants a list, an object or a text, not a value of type integer");
  EXPECT_EQ(mistake("len(null)"), "len wants a list, an object or a text, not null");
}

TEST(ExpressionFunctionsTest, ContainsIsInTheOtherWayRound) {
  EXPECT_EQ(value_of("contains(inputs.text, 'ü')"), true);
  EXPECT_EQ(value_of("contains(inputs.text, 'u')"), false);
  EXPECT_EQ(value_of("contains(inputs.words, 'x')"), true);
  EXPECT_EQ(value_of("contains(inputs.words, 'y')"), false);
  EXPECT_EQ(value_of("contains(inputs, 'text')"), true);
}

TEST(ExpressionFunctionsTest, DefaultStandsInForWhatIsNotThereOrNull) {
  EXPECT_EQ(value_of("default(inputs.missing, 'x')"), "x");
  EXPECT_EQ(value_of("default(inputs.missing.deeper[3], 'x')"), "x");
  EXPECT_EQ(value_of("default(inputs.nothing, 'x')"), "x");
  EXPECT_EQ(value_of("default(inputs.text, 'x')"), "grüße");
  EXPECT_EQ(value_of("default(false, true)"), false);
  EXPECT_EQ(value_of("default(inputs.text, inputs.missing)"), "grüße") << "the second is not looked at";
  EXPECT_EQ(value_of("default(inputs.missing, null)"), nullptr);
  EXPECT_EQ(value_of("default(inputs.a, default(inputs.b, 3))"), 3);
}

TEST(ExpressionFunctionsTest, DefaultHidesNoOtherMistake) {
  EXPECT_EQ(mistake("default(len(1), 2)"), "len wants a list, an object or a text, not a value of type integer");
  EXPECT_FALSE(result_of("default(inputs.missing, inputs.missing)"));
}

TEST(ExpressionFunctionsTest, SeveritiesHaveAnOrder) {
  const std::vector<std::string> order{"info", "low", "medium", "high", "critical"};
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = 0; j < order.size(); ++j) {
      EXPECT_EQ(value_of("severity_at_least('" + order[i] + "', '" + order[j] + "')"), i >= j)
          << order[i] << " " << order[j];
    }
  }
  EXPECT_EQ(mistake("severity_at_least('high', 'urgent')"),
            "severity_at_least: \"urgent\" is no severity; there are info, low, medium, high and critical");
  EXPECT_EQ(mistake("severity_at_least(1, 'high')"),
            "severity_at_least wants two severities, not a value of type integer");
}

TEST(ExpressionFunctionsTest, JoinMakesOneText) {
  EXPECT_EQ(value_of("join(inputs.words, ', ')"), "x, 1, true, null, {\"a\":1}");
  EXPECT_EQ(value_of("join(['a'], ', ')"), "a");
  EXPECT_EQ(value_of("join([], ', ')"), "");
  EXPECT_EQ(mistake("join('a', ', ')"), "join wants a list first, not a value of type string");
  EXPECT_EQ(mistake("join([], 1)"), "join wants a text as separator, not a value of type integer");
}

TEST(ExpressionFunctionsTest, JoinIsBounded) {
  const Json large = std::vector<std::string>(20, std::string(kExpressionValueBytesMax / 16, 'x'));

  const auto value = Expression::parse("len(join(inputs, ''))")->evaluate({{"inputs", &large}});

  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, ErrorCode::payload_too_large);
}

TEST(ExpressionFunctionsTest, PluckTakesOneMemberOfEach) {
  EXPECT_EQ(value_of("pluck(inputs.list, 'id')"), Json::parse(R"(["a", "b"])")) << "null elements are left out";
  EXPECT_EQ(value_of("pluck(inputs.list, 'counts.high')"), Json::parse("[2, 0]"));
  EXPECT_EQ(value_of("pluck([[1, 2], [3, 4]], '[1]')"), Json::parse("[2, 4]"));
  EXPECT_EQ(value_of("pluck([], 'id')"), Json::array());
  EXPECT_EQ(mistake("pluck(inputs.list, 'grade')"), "pluck: the element at 0 has no \"grade\"");
  EXPECT_EQ(value_of("default(pluck(inputs.list, 'grade'), 'none')"), "none");
  EXPECT_EQ(mistake("pluck('a', 'id')"), "pluck wants a list first, not a value of type string");
  EXPECT_EQ(mistake("pluck([], 1)"), "pluck wants a member's name in quotes, not a value of type integer");
}

TEST(ExpressionFunctionsTest, PathsIntoElementsAreChecked) {
  for (const std::string path :
       {"", ".", "a.", "a..b", ".a", "[", "[]", "[x]", "[1", "a[1]b", "[-1]", "[99999999999999999999999]"}) {
    EXPECT_NE(mistake("pluck([], '" + path + "')").find("is no path into an element"), std::string::npos) << path;
  }
  for (const std::string path : {"a", "a.b", "[0]", "[0][1]", "a[1].b", "odd name.x"}) {
    EXPECT_EQ(value_of("pluck([], '" + path + "')"), Json::array()) << path;
  }
}

TEST(ExpressionFunctionsTest, FilterKeepsWhatEquals) {
  EXPECT_EQ(value_of("pluck(filter(inputs.list, 'severity', 'high'), 'id')"), Json::parse(R"(["a"])"));
  EXPECT_EQ(value_of("pluck(filter(inputs.list, 'counts.high', 0), 'id')"), Json::parse(R"(["b"])"));
  EXPECT_EQ(value_of("filter(inputs.list, 'severity', 'none')"), Json::array());
  EXPECT_EQ(value_of("filter(inputs.list, 'grade', null)"), Json::array()) << "what is not there equals nothing";
  EXPECT_EQ(value_of("filter(inputs.list, 'id', 'b')[0].severity"), "low");
  EXPECT_EQ(mistake("filter(inputs, 'a', 1)").empty(), false);
}

TEST(ExpressionFunctionsTest, FlattenTakesOneLevel) {
  EXPECT_EQ(value_of("flatten(inputs.pages)"), Json::parse("[1, 2, 3, 4]"));
  EXPECT_EQ(value_of("flatten([[[1]], 2])"), Json::parse("[[1], 2]"));
  EXPECT_EQ(value_of("flatten([])"), Json::array());
  EXPECT_EQ(mistake("flatten('a')"), "flatten wants a list, not a value of type string");
}

TEST(ExpressionFunctionsTest, ZipMakesPairs) {
  EXPECT_EQ(value_of("zip([1, 2], ['a', 'b'])"), Json::parse(R"([[1, "a"], [2, "b"]])"));
  EXPECT_EQ(value_of("zip([], [])"), Json::array());
  EXPECT_EQ(mistake("zip([1], [])"), "zip wants two lists of one length, not of 1 and 0");
  EXPECT_EQ(mistake("zip(1, [])"), "zip wants two lists, not a value of type integer");
}

TEST(ExpressionFunctionsTest, RowsAreAMarkdownTableThatNobodyBreaksOutOf) {
  EXPECT_EQ(value_of("rows(inputs.list, 'id', 'counts.high', 'grade')"), "| a | 2 | - |\n| - | - | - |\n| b | 0 | - |");
  EXPECT_EQ(value_of("rows([['a|b\\n# c', '<script>']], '[0]', '[1]')").get<std::string>().find('\n'),
            std::string::npos);
  EXPECT_EQ(value_of("rows([['a|b', '<b>']], '[0]', '[1]')"), "| a\\|b | &lt;b&gt; |");
  EXPECT_EQ(value_of("rows([], 'id')"), "");
  EXPECT_EQ(mistake("rows(1, 'id')"), "rows wants a list first, not a value of type integer");
}

TEST(ExpressionFunctionsTest, ListsThatFunctionsBuildAreBounded) {
  const Json large{{"page", std::vector<std::string>(4, std::string(kExpressionValueBytesMax / 3, 'x'))}};
  const Json pages{{"pages", {large, large, large, large}}};
  for (const std::string text :
       {"len(pluck(inputs.pages, 'page'))", "len(filter(inputs.pages, 'page', inputs.pages[0].page))",
        "len(zip(inputs.pages, inputs.pages))", "len(flatten(inputs.pages))"}) {
    const auto value = Expression::parse(text)->evaluate({{"inputs", &pages}});

    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, ErrorCode::payload_too_large) << text;
  }
}

TEST(ExpressionFunctionsTest, TheReferencePageNamesEachFunction) {
  const char* const root = std::getenv("WEIR_SOURCE_DIR");
  ASSERT_NE(root, nullptr) << "run by ctest, or set WEIR_SOURCE_DIR to the root of the tree";
  std::ifstream file(std::string(root) + "/docs/reference/expressions.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  for (const ExpressionFunction& function : expression_functions()) {
    EXPECT_NE(page.find("`" + std::string(function.signature) + "`"), std::string::npos) << function.signature;
  }
}

}  // namespace
}  // namespace weir::tools::runs

#include "tools/runs/playbook/template.h"

#include <gtest/gtest.h>

namespace weir::tools::runs {
namespace {

const Json& inputs() {
  static const Json kInputs =
      Json::parse(R"({"n": 7, "yes": true, "text": "a b", "list": [1, {"x": "y"}], "nothing": null})");
  return kInputs;
}
const Bindings& bindings() {
  static const Bindings kBindings{{"inputs", &inputs()}};
  return kBindings;
}

Json filled(const Json& json) {
  const auto parsed = Template::parse(json, "args");
  if (!parsed) {
    ADD_FAILURE() << parsed.error().message;
    return nullptr;
  }
  auto value = parsed->evaluate(bindings());
  if (!value) {
    ADD_FAILURE() << value.error().message;
    return nullptr;
  }
  return *std::move(value);
}

TEST(TemplateTest, AWholeValueKeepsItsType) {
  const Json json{
      {"n", "${inputs.n}"}, {"yes", "${inputs.yes}"}, {"list", "${inputs.list}"}, {"nothing", "${inputs.nothing}"}};

  EXPECT_EQ(filled(json), Json::parse(R"({"n": 7, "yes": true, "list": [1, {"x": "y"}], "nothing": null})"));
}

TEST(TemplateTest, WithinATextItIsText) {
  EXPECT_EQ(filled("${inputs.text}!"), "a b!");
  EXPECT_EQ(filled(" ${inputs.n}"), " 7");
  EXPECT_EQ(filled("${inputs.n}${inputs.yes}"), "7true");
  EXPECT_EQ(filled("see ${inputs.list} and ${inputs.nothing}"), "see [1,{\"x\":\"y\"}] and null");
}

TEST(TemplateTest, EverythingElseStaysAsItIs) {
  const Json json = Json::parse(R"({"a": [1, null, true, "x", {"b": "$ {y} $x }"}], "c": {}, "d": [], "e": ""})");

  EXPECT_EQ(filled(json), json);
}

TEST(TemplateTest, DollarDollarBraceIsTheCharactersThemselves) {
  EXPECT_EQ(filled("$${inputs.n}"), "${inputs.n}");
  EXPECT_EQ(filled("$${a} ${inputs.n}"), "${a} 7");
  EXPECT_EQ(filled("$$${inputs.n}"), "$${inputs.n}");
  EXPECT_EQ(filled("$$"), "$$");
}

TEST(TemplateTest, ABraceInQuotesDoesNotEndTheExpression) {
  EXPECT_EQ(filled("${'}'}"), "}");
  EXPECT_EQ(filled("${\"\\\"}\"}."), "\"}.");
  EXPECT_EQ(filled("${inputs.n == 7 && '{' != \"}\"}"), true);
}

TEST(TemplateTest, EachMistakeIsToldWithItsPlace) {
  const Json json{{"a", "${inputs.n"}, {"b", {"ok", "${inputs.}"}}, {"c", {{"d", "${nope}"}}}, {"${x}", 1}};

  const auto parsed = Template::parse(json, "playbook.steps[2].args");

  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::validation_failed);
  std::vector<std::string> fields;
  for (const FieldError& field : parsed.error().fields) fields.push_back(field.field);
  EXPECT_EQ(fields, (std::vector<std::string>{"playbook.steps[2].args.${x}", "playbook.steps[2].args.a",
                                              "playbook.steps[2].args.b[1]", "playbook.steps[2].args.c.d"}));
  EXPECT_EQ(parsed.error().fields[1].message, "the \"${\" at 1 has no \"}\"; write $${ for the characters themselves");
}

TEST(TemplateTest, AValueThatIsNotThereIsToldWithItsPlace) {
  const auto parsed = Template::parse({{"a", {1, "${inputs.x}"}}}, "args");
  ASSERT_TRUE(parsed);

  const auto value = parsed->evaluate(bindings());

  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, ErrorCode::not_found);
  EXPECT_EQ(value.error().message.substr(0, 38), "args.a[1]: \"inputs.x\": inputs.x is not");
  EXPECT_EQ(Template::parse("x ${inputs.x}", "output")->evaluate(bindings()).error().message.substr(0, 8), "output: ");
}

TEST(TemplateTest, TheWholeIsBounded) {
  const Json large{{"text", std::string(kExpressionValueBytesMax / 2 + 1, 'x')}};
  const Bindings names{{"inputs", &large}};
  EXPECT_TRUE(Template::parse("${inputs.text}", "")->evaluate(names));

  const auto list = Template::parse({"${inputs.text}", "${inputs.text}"}, "")->evaluate(names);
  const auto text = Template::parse("${inputs.text}${inputs.text}", "")->evaluate(names);

  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, ErrorCode::payload_too_large);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::payload_too_large);
}

TEST(TemplateTest, ExpressionsAndDepthAreBounded) {
  std::string many;
  for (std::size_t i = 0; i < kTemplateExpressionsMax; ++i) many += "${1}";
  EXPECT_TRUE(Template::parse(many, "a"));
  EXPECT_FALSE(Template::parse(many + "${1}", "a"));

  Json deep = 1;
  for (std::size_t i = 0; i < kJsonDepthMax; ++i) deep = Json::array({deep});
  EXPECT_TRUE(Template::parse(deep, "a"));
  EXPECT_FALSE(Template::parse(Json::array({deep}), "a"));
}

TEST(TemplateTest, ReferencesOfAllExpressions) {
  const auto parsed = Template::parse({{"a", "${steps.x.result}"}, {"b", {"${item.id} ${inputs.n}"}}}, "args");
  ASSERT_TRUE(parsed);

  std::vector<std::string> texts;
  for (const Reference& reference : parsed->references()) texts.push_back(reference.text);

  EXPECT_EQ(texts, (std::vector<std::string>{"steps.x.result", "item.id", "inputs.n"}));
}

}  // namespace
}  // namespace weir::tools::runs

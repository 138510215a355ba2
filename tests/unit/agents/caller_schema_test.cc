#include "tools/agents/caller_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agents/fake_directory.h"

namespace weir::tools::agents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> told(const Json& schema) {
  Mistakes mistakes;
  check_caller_schema(schema, "s", mistakes);
  std::vector<std::string> texts;
  for (const FieldError& field : mistakes.fields()) texts.push_back(field.field + " " + field.message);
  return texts;
}

TEST(CallerSchemaTest, TakesWhatPeopleWrite) {
  EXPECT_THAT(
      told(json_of(R"({"type": "object", "properties": {"pattern": {"type": ["string", "null"], "enum": ["a", null]},
      "$ref": {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": 3}},
      "required": ["pattern"], "additionalProperties": false, "anyOf": [{"required": ["pattern"]}, true],
      "examples": [{"pattern": "a"}], "default": {"$ref": 1}})")),
      IsEmpty());
}

TEST(CallerSchemaTest, RefusesReferencesAndExpressionsWhereverTheyAre) {
  EXPECT_THAT(
      told(json_of(R"({"properties": {"a": {"$ref": "#"}, "b": {"items": {"pattern": "(a+)+$"}}},
                               "allOf": [{"not": {"patternProperties": {}}}], "$defs": {"x": {"$anchor": "y"}}})")),
      ElementsAre(HasSubstr("s.$defs.x.$anchor is not taken here"), HasSubstr("s.allOf[0].not.patternProperties is"),
                  HasSubstr("s.properties.a.$ref is"), HasSubstr("s.properties.b.items.pattern is")));
}

TEST(CallerSchemaTest, RefusesWhatIsNoSchema) {
  EXPECT_THAT(told(json_of(R"({"type": "strin"})")),
              ElementsAre(HasSubstr("s.type is the string \"strin\"; expected string")));
  EXPECT_THAT(told(json_of(R"({"properties": []})")), ElementsAre(HasSubstr("s.properties is an array of 0")));
  EXPECT_THAT(told(json_of(R"({"properties": {"a": 3}})")), ElementsAre(HasSubstr("s.properties.a is the number 3")));
  EXPECT_THAT(told(json_of(R"({"required": "a"})")), ElementsAre(HasSubstr("s.required is the string \"a\"")));
  EXPECT_THAT(told(json_of(R"({"required": [1]})")), ElementsAre(HasSubstr("s.required[0] is the number 1")));
  EXPECT_THAT(told(json_of(R"({"anyOf": {}})")), ElementsAre(HasSubstr("s.anyOf is an object; expected an array")));
  EXPECT_THAT(told(json_of(R"({"minLength": "x"})")), ElementsAre(HasSubstr("s is no JSON Schema")));
}

TEST(CallerSchemaTest, IsBounded) {
  Json deep = Json::object();
  for (std::size_t i = 0; i < kSchemaDepthMax; ++i) deep = {{"not", deep}};
  EXPECT_THAT(told(deep), ElementsAre(HasSubstr("nests deeper than 16 schemas")));
  EXPECT_THAT(told({{"description", std::string(kSchemaBytesMax, 'x')}}),
              ElementsAre(HasSubstr("bytes; expected at most 32768")));
}

}  // namespace
}  // namespace weir::tools::agents

#include "tools/schema.h"

#include <gtest/gtest.h>

#include "tools/parameters.h"

namespace weir::tools {
namespace {

namespace p = parameters;

Json scan_arguments() {
  Json port = p::integer("A port.", {.minimum = 1, .maximum = 65'535});
  Json name = p::text("A name.", {.length_min = 2, .length_max = 5});
  Json code = p::text("A code.");
  code["pattern"] = "^[a-z]+$";
  Json unique = p::list("Words.", p::text("A word."), 3);
  unique["uniqueItems"] = true;
  return p::arguments({{"profile", p::with_default(p::one_of("How deep.", {"passive", "quick", "full"}), "quick")},
                       {"port", port},
                       {"scope_hosts", p::list("Hosts.", p::text("A host.", {.length_min = 1, .length_max = 20}), 3)},
                       {"name", name},
                       {"code", code},
                       {"words", unique},
                       {"deep", p::boolean("Or not.")}},
                      {"port"});
}

struct Case {
  const char* arguments;
  const char* field;
  const char* message;
};

class SchemaMessages : public ::testing::TestWithParam<Case> {};

TEST_P(SchemaMessages, SayWhatCameAndWhatIsExpected) {
  const Schema schema(scan_arguments());

  const std::vector<FieldError> violations = schema.violations(*parse_json(GetParam().arguments));

  ASSERT_EQ(violations.size(), 1U);
  EXPECT_EQ(violations[0].field, GetParam().field);
  EXPECT_EQ(violations[0].message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, SchemaMessages,
    ::testing::Values(
        Case{R"({"port":1,"profile":"fast"})", "profile", R"(is "fast"; expected one of passive, quick, full)"},
        Case{R"({})", "port", "is missing; expected an integer from 1 to 65535"},
        Case{R"({"port":"80"})", "port", R"(is the string "80"; expected an integer from 1 to 65535)"},
        Case{R"({"port":0})", "port", "is 0; expected an integer from 1 to 65535"},
        Case{R"({"port":1.5})", "port", "is the number 1.5; expected an integer from 1 to 65535"},
        Case{R"({"port":1,"scope_hosts":["a","b",7]})", "scope_hosts[2]",
             "is the number 7; expected a string of 1 to 20 characters"},
        Case{R"({"port":1,"scope_hosts":["a","b","c","d"]})", "scope_hosts", "has 4 items; expected at most 3"},
        Case{R"({"port":1,"scope_hosts":"a"})", "scope_hosts", R"(is the string "a"; expected an array)"},
        Case{R"({"port":1,"name":"abcdef"})", "name",
             R"(has 6 characters, starting with "abcdef"; expected a string of 2 to 5 characters)"},
        Case{R"({"port":1,"name":""})", "name", "is empty; expected a string of 2 to 5 characters"},
        Case{R"({"port":1,"deep":null})", "deep", "is null; expected a boolean"},
        Case{R"({"port":1,"code":"A1"})", "code", R"(is "A1"; expected text that matches ^[a-z]+$ (A code.))"},
        Case{R"({"port":1,"words":["a","a"]})", "words[1]", R"(is "a" again; expected each value once)"},
        Case{R"({"port":1,"profil":"quick"})", "profil",
             "is not known; did you mean profile? Known: code, deep, name, port, profile, scope_hosts, words"},
        Case{R"({"port":1,"zzzzzzzzzzz":1})", "zzzzzzzzzzz",
             "is not known; expected one of code, deep, name, port, profile, scope_hosts, words"},
        Case{R"([1])", "", "is an array of 1; expected an object"}));

TEST(SchemaTest, RefusesASchemaOfOthersThatIsNone) {
  const std::vector<Json> wrong = {
      Json("text"),        Json::array(), {{"type", 5}},           {{"type", "objekt"}},
      {{"properties", 1}}, {{"enum", 3}}, {{"$ref", "#/nowhere"}}, {{"$ref", "https://example.com/other.json"}}};
  for (const Json& schema : wrong) {
    const Result<Schema> compiled = Schema::compile(schema);
    ASSERT_FALSE(compiled.has_value()) << to_text(schema);
    EXPECT_EQ(compiled.error().code, ErrorCode::validation_failed);
    EXPECT_EQ(compiled.error().message.substr(0, 18), "is no JSON Schema:");
  }
}

TEST(SchemaTest, CompilesWhatOthersWrite) {
  const Result<Schema> compiled =
      Schema::compile({{"type", "object"}, {"properties", {{"grade", {{"type", "string"}}}}}, {"required", {"grade"}}});
  ASSERT_TRUE(compiled.has_value());
  EXPECT_TRUE(compiled->violations({{"grade", "A"}}).empty());
  EXPECT_EQ(compiled->violations(Json::object()).size(), 1U);
}

TEST(SchemaTest, AcceptsWhatFits) {
  const Schema schema(scan_arguments());

  EXPECT_TRUE(
      schema.violations({{"port", 80}, {"profile", "full"}, {"code", "abc"}, {"name", "\xC3\xA4\xC3\xB6"}}).empty());
}

TEST(SchemaTest, ReportsEveryWrongFieldUpToABound) {
  const Schema schema(p::arguments({{"list", p::list("Numbers.", p::integer("A number."))}}));
  Json list = Json::array();
  for (int i = 0; i < 50; ++i) list.push_back("x");

  EXPECT_EQ(schema.violations({{"list", list}}).size(), Schema::kErrorsMax);
}

TEST(SchemaTest, ShowsHostileTextsWithoutControlCharactersAndShort) {
  const Schema schema(scan_arguments());

  const auto violations = schema.violations({{"port", 1}, {"profile", "\x1b[31m" + std::string(5'000, 'x')}});

  ASSERT_EQ(violations.size(), 1U);
  EXPECT_EQ(violations[0].message.find('\x1b'), std::string::npos);
  EXPECT_LT(violations[0].message.size(), 300U);
}

TEST(SchemaTest, NeverRunsAPatternOnALongText) {
  const Schema schema(scan_arguments());

  const auto violations = schema.violations({{"port", 1}, {"code", std::string(1'000'000, 'a')}});

  ASSERT_EQ(violations.size(), 1U);
  EXPECT_EQ(violations[0].field, "code");
}

TEST(SchemaTest, FillsInTopLevelDefaultsOnly) {
  const Schema schema(scan_arguments());

  EXPECT_EQ(schema.with_defaults({{"port", 1}}), (Json{{"port", 1}, {"profile", "quick"}}));
  EXPECT_EQ(schema.with_defaults({{"port", 1}, {"profile", "full"}})["profile"], "full");
  EXPECT_EQ(schema.with_defaults(Json::array()), Json::array());
}

TEST(SchemaTest, FallsBackOnTheValidatorsWordsForOtherKeywords) {
  const Schema schema({{"type", "object"}, {"not", {{"required", {"a"}}}}});

  EXPECT_TRUE(schema.violations(Json::object()).empty());
  EXPECT_FALSE(schema.violations({{"a", 1}}).empty());
}

TEST(SchemaDeathTest, RefusesASchemaThatIsNone) { EXPECT_DEATH(Schema(Json{{"type", 7}}), "compiles"); }

}  // namespace
}  // namespace weir::tools

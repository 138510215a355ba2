#include "base/json.h"

namespace weir {
namespace {

TEST(JsonTest, ReadsAValue) {
  const auto parsed = parse_json(R"({"a": [1, 2.5, "x", null, true]})");

  ASSERT_TRUE(parsed);
  EXPECT_EQ(to_text(*parsed), R"({"a":[1,2.5,"x",null,true]})");
}

TEST(JsonTest, SaysWhereTheTextStopsBeingJson) {
  const auto parsed = parse_json("{\"a\": }");

  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::bad_request);
  EXPECT_THAT(parsed.error().message, ::testing::HasSubstr("line 1, column 7"));
  EXPECT_THAT(parsed.error().message, ::testing::Not(::testing::HasSubstr("exception")));
}

TEST(JsonTest, RefusesInvalidTexts) {
  for (const std::string_view text : {"", " ", "{", "[1,]", "{\"a\":1,}", "nul", "01", "1 2", "'a'", "\"\xff\"",
                                      "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\\ud800\"", "\"a\nb\"", "NaN", "[1"}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
}

TEST(JsonTest, RefusesWhatNestsTooDeep) {
  const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');

  const auto parsed = parse_json(deep);

  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, ::testing::HasSubstr("nests deeper than 64"));
}

TEST(JsonTest, CountsBracketsOnlyOutsideStrings) {
  EXPECT_TRUE(parse_json("\"" + std::string(1'000, '[') + "\""));
  EXPECT_TRUE(parse_json(R"(["\"[[[[", "\\"])", 1));
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(parse_json(std::string(65, '[') + std::string(65, ']')));
}

TEST(JsonTest, WritesInvalidUtf8AsReplacementCharacters) { EXPECT_EQ(to_text(Json("a\xff")), "\"a\xef\xbf\xbd\""); }

TEST(JsonTest, ReadsMembersOrFallsBack) {
  const Json object = {{"text", "x"}, {"number", 7}, {"flag", true}, {"half", 0.5}};

  EXPECT_EQ(string_member(object, "text"), "x");
  EXPECT_EQ(string_member(object, "number"), std::nullopt);
  EXPECT_EQ(integer_member(object, "number"), 7);
  EXPECT_EQ(integer_member(object, "half"), std::nullopt);
  EXPECT_EQ(bool_member(object, "flag"), true);
  EXPECT_EQ(string_or(object, "missing", "fallback"), "fallback");
  EXPECT_EQ(integer_or(Json::array(), "number", 3), 3);
  EXPECT_EQ(find_member(Json("text"), "text"), nullptr);
}

TEST(JsonTest, NamesTypesAsJsonSchemaDoes) {
  EXPECT_EQ(json_type(Json(1)), "integer");
  EXPECT_EQ(json_type(Json(1U)), "integer");
  EXPECT_EQ(json_type(Json(1.5)), "number");
  EXPECT_EQ(json_type(Json(nullptr)), "null");
  EXPECT_EQ(json_type(Json::object()), "object");
  EXPECT_EQ(json_type(Json("s")), "string");
  EXPECT_EQ(json_type(Json(true)), "boolean");
  EXPECT_EQ(json_type(Json::array()), "array");
}

}  // namespace
}  // namespace weir

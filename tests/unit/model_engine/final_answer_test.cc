#include "tools/runs/model/final_answer.h"

namespace weir::tools::runs {
namespace {

using ::testing::HasSubstr;

const Json kGrade = {{"type", "object"},
                     {"properties", {{"grade", {{"type", "string"}, {"enum", {"A", "B"}}}}}},
                     {"required", {"grade"}}};

TEST(FinalAnswerTest, WithoutASchemaItIsTheText) {
  EXPECT_EQ(*final_answer("{\"a\":1}", Json()), Json("{\"a\":1}"));
  EXPECT_EQ(*final_answer("", Json()), Json(""));
  EXPECT_EQ(*final_answer("x", Json::object()), Json("x"));
}

TEST(FinalAnswerTest, ASchemaAboutTextsChecksTheText) {
  const Json schema = {{"type", "string"}, {"minLength", 3}};

  EXPECT_EQ(*final_answer("long", schema), Json("long"));
  EXPECT_FALSE(final_answer("ab", schema).has_value());
}

TEST(FinalAnswerTest, AnObjectIsReadFromTheText) {
  EXPECT_EQ(*final_answer(R"( {"grade": "A"} )", kGrade), Json({{"grade", "A"}}));
}

TEST(FinalAnswerTest, ACodeFenceIsLookedThrough) {
  EXPECT_EQ(*final_answer("```json\n{\"grade\": \"B\"}\n```\n", kGrade), Json({{"grade", "B"}}));
  EXPECT_EQ(*final_answer("```\n{\"grade\": \"B\"}```", kGrade), Json({{"grade", "B"}}));
}

TEST(FinalAnswerTest, OddFencesAreNoReasonToFallOver) {
  for (const char* text : {"```", "``````", "```json", "```\n```", "```json\n", "`", ""}) {
    EXPECT_FALSE(final_answer(text, kGrade).has_value()) << text;
  }
}

TEST(FinalAnswerTest, WhatDoesNotFitIsSaidInWords) {
  const Result<Json> wrong = final_answer(R"({"grade": "Z"})", kGrade);

  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message, HasSubstr("grade is \"Z\"; expected one of A, B"));
}

TEST(FinalAnswerTest, TextThatIsNoJsonIsSaidToBeNone) {
  const Result<Json> wrong = final_answer("The grade is A.", kGrade);

  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message, HasSubstr("no JSON"));
}

TEST(FinalAnswerTest, OnlyASchemaThatWantsJsonIsTold) {
  EXPECT_EQ(answer_notice(Json()), "");
  EXPECT_EQ(answer_notice({{"type", "string"}}), "");
  EXPECT_THAT(answer_notice(kGrade), HasSubstr("\"grade\""));
}

}  // namespace
}  // namespace weir::tools::runs

#include "tools/runs/call_result.h"

#include <gtest/gtest.h>

namespace weir::tools::runs {
namespace {

TEST(CallResultTest, AShortAnswerIsKeptAsItIs) {
  const Json value = {{"a", 1}, {"b", Json::array({1, 2, 3})}};

  EXPECT_EQ(capped(value, 1'000, "more"), value);
}

TEST(CallResultTest, ALongListIsCutAndSaysSo) {
  Json value = {{"data", Json::array()}, {"next_cursor", "abc"}};
  for (int i = 0; i < 2'000; ++i) value["data"].push_back({{"id", i}, {"title", std::string(50, 'x')}});

  const Json kept = capped(value, 8'192, "ask for less");

  EXPECT_LE(to_text(kept).size(), 8'192U);
  EXPECT_GT(kept["data"].size(), 20U);
  EXPECT_EQ(kept["data"][0], value["data"][0]);
  EXPECT_EQ(kept["next_cursor"], "abc");
  EXPECT_EQ(kept["truncated"]["bytes"], to_text(value).size());
  EXPECT_EQ(kept["truncated"]["note"], "ask for less");
}

TEST(CallResultTest, ALongTextIsCutAtACharacter) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "\xC3\xA4";

  const Json kept = capped({{"text", text}, {"n", 1}}, 4'096, "");

  EXPECT_LE(to_text(kept).size(), 4'096U);
  EXPECT_EQ(kept["n"], 1);
  EXPECT_TRUE(parse_json(to_text(kept)).has_value());
  EXPECT_EQ(kept["text"].get<std::string>().find("\xEF\xBF\xBD"), std::string::npos);
}

TEST(CallResultTest, AnAnswerOfManySmallMembersFitsToo) {
  Json value = Json::object();
  for (int i = 0; i < 20'000; ++i) value["member" + std::to_string(i)] = i;

  const Json kept = capped(value, 4'096, "");

  EXPECT_LE(to_text(kept).size(), 4'096U);
  EXPECT_TRUE(kept.contains("truncated"));
}

TEST(CallResultTest, WhatIsNoObjectBecomesOneWhenItIsCut) {
  EXPECT_EQ(capped(Json::array({1, 2}), 1'000, ""), Json::array({1, 2}));
  EXPECT_TRUE(capped(Json(std::string(10'000, 'x')), 2'048, "").contains("value"));
}

TEST(CallResultTest, ADocumentIsPartOfTheAnswer) {
  ToolResult result;
  result.structured = {{"scan_id", "scn_1"}};
  result.document = Document{.media_type = "text/markdown", .text = "# Report"};

  const Json kept = result_to_keep(result, "get_report");

  EXPECT_EQ(kept["text"], "# Report");
  EXPECT_EQ(kept["media_type"], "text/markdown");
}

}  // namespace
}  // namespace weir::tools::runs

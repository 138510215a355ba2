#include "streaming/event_types.h"

#include <set>

namespace weir::streaming {
namespace {

TEST(EventTypesTest, APatternIsATypeOrAllTypesBelowAWordOrEverything) {
  EXPECT_TRUE(matches("scan.completed", "scan.completed"));
  EXPECT_TRUE(matches("scan.*", "scan.completed"));
  EXPECT_TRUE(matches("scan.*", "scan.check.completed"));
  EXPECT_TRUE(matches("scan.check.*", "scan.check.completed"));
  EXPECT_TRUE(matches("*", "scan.completed"));
  for (const char* pattern :
       {"scan", "scan.", "scan.complete", "sca*", "scan*", "*.completed", "", "scan.completed.*"}) {
    EXPECT_FALSE(matches(pattern, "scan.completed")) << pattern;
  }
  EXPECT_FALSE(matches("scan.*", "scan."));
  EXPECT_FALSE(matches("scan.*", "scanner.completed"));
}

TEST(EventTypesTest, NoPatternsAtAllMatchEverything) {
  EXPECT_TRUE(matches_any({}, "finding.new"));
  EXPECT_TRUE(matches_any({"scan.*", "finding.new"}, "finding.new"));
  EXPECT_FALSE(matches_any({"scan.*"}, "finding.new"));
}

TEST(EventTypesTest, AListOfPatternsIsReadWithoutBlanksAndRepeats) {
  EXPECT_EQ(*parse_patterns("types", "scan.*, finding.new ,,scan.*"),
            (std::vector<std::string>{"scan.*", "finding.new"}));
  EXPECT_TRUE(parse_patterns("types", "")->empty());
}

TEST(EventTypesTest, APatternThatNoEventHasIsRefusedByName) {
  const auto refused = parse_patterns("types", "scan.*,scam.finished");

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::validation_failed);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("\"scam.finished\""));
  ASSERT_EQ(refused.error().fields.size(), 1U);
  EXPECT_EQ(refused.error().fields[0].field, "types");
}

TEST(EventTypesTest, EachTypeIsDottedHasOneRowASentenceAndAPayload) {
  std::set<std::string> names;
  for (const EventType& type : event_types()) {
    EXPECT_TRUE(names.insert(type.name).second) << type.name;
    // What clients of agents know by this name has no word before it.
    EXPECT_TRUE(type.name == "warning" || type.name.find('.') != std::string::npos) << type.name;
    EXPECT_TRUE(type.summary.ends_with('.')) << type.name;
    EXPECT_EQ(string_or(type.schema, "type", ""), "object") << type.name;
    EXPECT_EQ(find_event_type(type.name), &type);
    EXPECT_LE(event_types().size(), kPatternsMax) << "a caller must be able to name every type";
  }
  EXPECT_EQ(find_event_type("scan"), nullptr);
}

}  // namespace
}  // namespace weir::streaming

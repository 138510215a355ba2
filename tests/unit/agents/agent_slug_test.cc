#include "tools/agents/agent_slug.h"

#include <gtest/gtest.h>

namespace weir::tools::agents {
namespace {

TEST(AgentSlugTest, TakesLowerCaseLettersDigitsAndHyphens) {
  for (const char* slug : {"a", "9", "posture-check", "a--b-"}) EXPECT_TRUE(checked_slug(slug)) << slug;
  EXPECT_TRUE(checked_slug(std::string(63, 'a')));
  for (const char* slug : {"", "-a", "A", "a_b", "a b", "ä", "agt_01JD8Z6W0V6E5Q9T2YB3K4M7NP"}) {
    EXPECT_EQ(checked_slug(slug).error().code, ErrorCode::validation_failed) << slug;
  }
  EXPECT_FALSE(checked_slug(std::string(64, 'a')));
}

TEST(AgentSlugTest, ComesFromTheName) {
  EXPECT_EQ(*slug_from("My Agent (2)"), "my-agent-2");
  EXPECT_EQ(*slug_from("--X--"), "x");
  EXPECT_EQ(*slug_from(std::string(62, 'a') + " b"), std::string(62, 'a'));
  EXPECT_TRUE(is_slug(*slug_from(std::string(200, 'b'))));
  EXPECT_FALSE(slug_from("!?"));
}

}  // namespace
}  // namespace weir::tools::agents

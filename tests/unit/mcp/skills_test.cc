// The skills extension (SEP-2640).
#include "server/mcp/skills.h"

#include "base/hmac.h"
#include "server/mcp_offers/product_skills.h"
#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

constexpr std::string_view kSkill = "---\nname: tidy-up\ndescription: How to tidy up.\n---\n\n# Tidy up\n";

SkillSet one_skill() {
  return SkillSet::create("test", {{"tidy-up/more/list.md", "a list\n"}, {"tidy-up/SKILL.md", kSkill}}).value();
}

std::string complaint(std::string_view path, std::string_view text) {
  const auto set = SkillSet::create("test", {{path, text}});
  return set ? "" : set.error().message;
}

// No other resource. Thread-safe.
class NoResources final : public ResourceProvider {
 public:
  Result<ResourcePage> list(const tools::CallContext&, const std::string&) const override { return ResourcePage{}; }
  [[nodiscard]] std::vector<ResourceTemplate> templates() const override { return {}; }
  [[nodiscard]] tools::Scope scope_of(std::string_view) const override { return tools::Scope::admin; }
  Result<std::vector<ResourceContent>> read(const tools::CallContext&, const std::string&) const override {
    return Error(ErrorCode::not_found, "there is none");
  }
  Result<std::vector<std::string>> complete(const tools::CallContext&, const std::string&,
                                            const CompletionRequest&) const override {
    return std::vector<std::string>{};
  }
  std::shared_ptr<Watch> watch(const tools::CallContext&, const std::string&, std::function<void()>) const override {
    return nullptr;
  }
};

class SkillsTest : public EndpointTest {
 protected:
  SkillsTest() {
    Offers offers;
    offers.resources = &resources_;
    offers.skills = &skills_;
    world_.offer(std::move(offers));
  }
  const NoResources none_;
  const SkillSet skills_ = one_skill();
  const SkilledResources resources_{skills_, none_};
};

TEST_F(SkillsTest, AreDeclaredAndListedWithAManifestOfTheirFiles) {
  const Json found = result(modern("server/discover"));
  EXPECT_EQ(found["capabilities"]["extensions"]["io.modelcontextprotocol/skills"], Json({{"directoryRead", true}}));

  const Json listed = result(modern("skills/list"));
  ASSERT_EQ(listed["skills"].size(), 1U);
  const Json& skill = listed["skills"][0];
  EXPECT_EQ(skill["uri"], "skill://test/tidy-up/SKILL.md");
  EXPECT_EQ(skill["frontmatter"], Json({{"name", "tidy-up"}, {"description", "How to tidy up."}}));
  ASSERT_EQ(skill["resources"].size(), 2U);
  EXPECT_EQ(skill["resources"][0]["digest"], "sha256:" + to_hex(sha256(kSkill)));
  EXPECT_EQ(skill["resources"][0]["size"], kSkill.size());
  EXPECT_TRUE(listed["ttlMs"].is_number_integer());
}

TEST_F(SkillsTest, GetGivesTheEntryOfTheListAndRefusesOtherUris) {
  const Json listed = result(modern("skills/list"));
  const Json got = result(modern("skills/get", {{"uri", "skill://test/tidy-up/SKILL.md"}}));
  EXPECT_EQ(got["skill"], listed["skills"][0]);
  EXPECT_EQ(error_code(modern("skills/get", {{"uri", "skill://test/tidy-up/more/list.md"}})), -32602);
  EXPECT_EQ(error_code(modern("skills/get")), -32602);
}

TEST_F(SkillsTest, EveryFileIsAResourceThatAnyKeyMayRead) {
  const Json listed = result(modern("resources/list"));
  ASSERT_EQ(listed["resources"].size(), 2U);
  EXPECT_EQ(listed["resources"][0]["name"], "tidy-up");
  EXPECT_EQ(listed["resources"][0]["mimeType"], "text/markdown");
  Posted how{.key = "reader", .more_headers = {{"Mcp-Name", "skill://test/tidy-up/SKILL.md"}}};
  const Json read = result(modern("resources/read", {{"uri", "skill://test/tidy-up/SKILL.md"}}, how));
  EXPECT_EQ(read["contents"][0]["text"], kSkill);
}

TEST_F(SkillsTest, DirectoriesAreListedOneLevelAtATime) {
  const Json top = result(modern("resources/directory/read", {{"uri", "skill://test/tidy-up"}}));
  ASSERT_EQ(top["resources"].size(), 2U);
  EXPECT_EQ(top["resources"][0]["name"], "SKILL.md");
  EXPECT_EQ(top["resources"][1],
            Json({{"uri", "skill://test/tidy-up/more"}, {"name", "more"}, {"mimeType", "inode/directory"}}));
  EXPECT_EQ(error_code(modern("resources/directory/read", {{"uri", "skill://test/tidy-up/SKILL.md"}})), -32602);
  EXPECT_EQ(error_code(modern("resources/directory/read", {{"uri", "skill://other"}})), -32602);
}

TEST_F(SkillsTest, DoNotExistInSessions) {
  const std::string session = open_session();
  EXPECT_EQ(error_code(in_session(session, "skills/list")), -32601);
}

TEST(SkillSetTest, RefusesWhatTheAgentSkillsRulesDo) {
  EXPECT_EQ(complaint("tidy-up/SKILL.md", kSkill), "");
  EXPECT_NE(complaint("tidy-up/README.md", kSkill), "");
  EXPECT_NE(complaint("SKILL.md", kSkill), "");
  EXPECT_NE(complaint("Tidy-Up/SKILL.md", kSkill), "");
  EXPECT_NE(complaint("tidy--up/SKILL.md", kSkill), "");
  EXPECT_NE(complaint("other/SKILL.md", kSkill), "") << "the name is another";
  EXPECT_NE(complaint("tidy-up/SKILL.md", "# no frontmatter\n"), "");
  EXPECT_NE(complaint("tidy-up/SKILL.md", "---\nname: tidy-up\n---\n"), "") << "no description";
  EXPECT_NE(complaint("tidy-up/SKILL.md", "---\nname: tidy-up\ndescription: a: b\n---\n"), "")
      << "YAML would read a map";
  EXPECT_NE(complaint("tidy-up/SKILL.md", "---\nname: tidy-up\ndescription: [a b]\n---\n"), "");
  EXPECT_NE(complaint("tidy-up/SKILL.md", "---\nname: tidy-up\n"), "");
}

TEST(SkillSetTest, TheProductsSkillsKeepTheRulesAndHaveMoreToRead) {
  const SkillSet skills = mcp_offers::product_skills();
  EXPECT_EQ(skills.entries().size(), 3U);
  for (const Json& skill : skills.entries()) EXPECT_GT(skill["resources"].size(), 1U) << skill["uri"];
}

}  // namespace
}  // namespace weir::mcp

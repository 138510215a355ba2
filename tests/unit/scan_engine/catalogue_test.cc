#include <set>

#include "tools/scans/checks/check.h"

namespace weir::tools::scans {
namespace {

TEST(CatalogueTest, IdsAreUniqueAndFound) {
  std::set<std::string_view> ids;
  for (const Check& check : catalogue()) {
    EXPECT_TRUE(ids.insert(check.rule.id).second) << check.rule.id;
    EXPECT_EQ(find_check(check.rule.id), &check);
  }
  EXPECT_EQ(ids.size(), 44U);
  EXPECT_EQ(find_check("hdr.csp"), nullptr);
}

TEST(CatalogueTest, EveryRuleIsTold) {
  const std::set<std::string_view> groups{"headers", "cookies", "redirects", "tls", "certificates", "disclosure"};
  for (const Check& check : catalogue()) {
    const Rule& rule = check.rule;
    EXPECT_NE(check.run, nullptr) << rule.id;
    EXPECT_TRUE(groups.contains(rule.group)) << rule.id;
    for (const auto text : {rule.title, rule.description, rule.detection, rule.remediation}) {
      EXPECT_GT(text.size(), 10U) << rule.id;
      EXPECT_FALSE(text.starts_with(' ') || text.ends_with(' ')) << rule.id;
      EXPECT_EQ(text.find("  "), std::string_view::npos) << rule.id << ": " << text;
    }
    EXPECT_FALSE(rule.title.ends_with('.')) << rule.id;
    EXPECT_TRUE(rule.remediation.ends_with('.')) << rule.id;
    EXPECT_FALSE(rule.references.empty()) << rule.id;
    for (const auto reference : rule.references) EXPECT_TRUE(reference.starts_with("https://")) << rule.id;
  }
}

// CWE lists categories too; mapping to one says nothing about the weakness.
TEST(CatalogueTest, NoRuleMapsToACweCategory) {
  const std::set<int> categories{2,   16,  17,  18,  19,  21,  133, 189, 199, 254, 255, 264, 265, 275, 310, 320, 355,
                                 361, 371, 387, 388, 389, 398, 399, 411, 417, 429, 438, 452, 465, 485, 557, 569};
  for (const Check& check : catalogue()) {
    EXPECT_GT(check.rule.cwe, 0) << check.rule.id;
    EXPECT_FALSE(categories.contains(check.rule.cwe)) << check.rule.id << ": CWE-" << check.rule.cwe;
  }
}

TEST(CatalogueTest, NamesReadBack) {
  for (const auto severity : {Severity::info, Severity::low, Severity::medium, Severity::high, Severity::critical}) {
    EXPECT_EQ(severity_from(to_string(severity)), severity);
  }
  for (const auto profile : {Profile::passive, Profile::quick, Profile::full, Profile::custom}) {
    EXPECT_EQ(profile_from(to_string(profile)), profile);
  }
  EXPECT_EQ(severity_from("CRITICAL"), std::nullopt);
  EXPECT_EQ(profile_from(""), std::nullopt);
  EXPECT_EQ(to_string(CheckState::not_applicable), "not_applicable");
}

TEST(CatalogueTest, TheRulesetHasAVersion) {
  const std::string version = ruleset_version();

  EXPECT_TRUE(version.starts_with("2026.11-")) << version;
  EXPECT_EQ(version.size(), std::string_view("2026.11-").size() + 8);
  EXPECT_EQ(version, ruleset_version());
}

}  // namespace
}  // namespace weir::tools::scans

#include "tools/scans/checks/csp.h"

namespace weir::tools::scans {
namespace {

Page page_with(std::vector<std::pair<std::string, std::string>> headers, std::vector<std::string> metas = {}) {
  Page page;
  page.response.headers = std::move(headers);
  page.html.csp_metas = std::move(metas);
  return page;
}

TEST(CspTest, SplitsPoliciesDirectivesAndSources) {
  const auto policies = parse_csp_list("Default-Src 'SELF'  https://A.example ;; img-src *, script-src 'none'");

  ASSERT_EQ(policies.size(), 2U);
  EXPECT_EQ(*policies[0].find("default-src"), (std::vector<std::string>{"'self'", "https://a.example"}));
  EXPECT_EQ(*policies[0].find("img-src"), std::vector<std::string>{"*"});
  EXPECT_EQ(*policies[1].find("script-src"), std::vector<std::string>{"'none'"});
}

TEST(CspTest, TheFirstDirectiveOfANameCounts) {
  const auto policies = parse_csp_list("img-src 'self'; IMG-SRC *");

  EXPECT_EQ(*policies.at(0).find("img-src"), std::vector<std::string>{"'self'"});
}

TEST(CspTest, PoliciesWithoutDirectivesAreNone) { EXPECT_TRUE(parse_csp_list(" ,;, ").empty()); }

TEST(CspTest, CollectsHeadersAndMeta) {
  const CspSet set = csp_of(page_with({{"content-security-policy", "img-src a"},
                                       {"Content-Security-Policy", "img-src b"},
                                       {"Content-Security-Policy-Report-Only", "img-src c"}},
                                      {"img-src d; frame-ancestors 'none'; sandbox; report-uri /r", "sandbox"}));

  ASSERT_EQ(set.enforced.size(), 3U);
  EXPECT_FALSE(set.enforced[1].is_from_meta);
  EXPECT_TRUE(set.enforced[2].is_from_meta);
  EXPECT_EQ(set.enforced[2].directives.size(), 1U);
  EXPECT_EQ(set.report_only.size(), 1U);
}

TEST(CspTest, EffectiveFallsBackToDefaultSrc) {
  const auto policy = parse_csp_list("default-src a; img-src b").at(0);

  EXPECT_EQ(policy.effective("img-src"), std::vector<std::string>{"b"});
  EXPECT_EQ(policy.effective("object-src"), std::vector<std::string>{"a"});
  EXPECT_EQ(parse_csp_list("img-src b").at(0).effective("object-src"), std::nullopt);
}

TEST(CspTest, BroadMeansAnyHostOrAScheme) {
  EXPECT_TRUE(is_broad(std::nullopt));
  EXPECT_TRUE(is_broad(std::vector<std::string>{"'self'", "*"}));
  EXPECT_TRUE(is_broad(std::vector<std::string>{"https:"}));
  EXPECT_FALSE(is_broad(std::vector<std::string>{}));
  EXPECT_FALSE(is_broad(std::vector<std::string>{"'none'"}));
  EXPECT_FALSE(is_broad(std::vector<std::string>{"https://a.example", "*.b.example"}));
}

}  // namespace
}  // namespace weir::tools::scans

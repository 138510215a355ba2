// Every rule against its cases: where it must speak, where it must be silent, where it cannot look.
#include <map>

#include "tests/unit/scan_engine/sites.h"
#include "tools/scans/checks/evidence.h"

namespace weir::tools::scans {
namespace {

CheckResult run_case(const RuleCase& rule_case) {
  const Check* check = find_check(rule_case.rule_id);
  CHECK(check != nullptr, "a case names a rule that exists");
  Observations seen = hardened_site();
  rule_case.arrange(seen);
  find_pages(seen);
  return check->run(check->rule, seen);
}

class RuleCaseTest : public ::testing::TestWithParam<RuleCase> {};

TEST_P(RuleCaseTest, SaysWhatTheTableSays) {
  const RuleCase& rule_case = GetParam();

  const CheckResult result = run_case(rule_case);

  EXPECT_EQ(to_string(result.state), to_string(rule_case.state)) << result.reason;
  EXPECT_EQ(result.reason.empty(), result.state == CheckState::ran) << result.reason;
  ASSERT_EQ(!result.detections.empty(), rule_case.severity.has_value())
      << (result.detections.empty() ? "" : result.detections.front().detail);
  if (!rule_case.severity) return;
  const Detection& first = result.detections.front();
  EXPECT_EQ(first.rule_id, rule_case.rule_id);
  EXPECT_EQ(to_string(first.severity), to_string(*rule_case.severity));
  EXPECT_EQ(first.detail, rule_case.detail);
  EXPECT_EQ(first.url.find('?'), std::string::npos) << first.url;
  for (const Evidence& proof : first.evidence) {
    EXPECT_LE(proof.value.size(), kEvidenceBytesMax);
    EXPECT_FALSE(proof.value.empty()) << proof.label;
  }
}

std::string case_name(const ::testing::TestParamInfo<RuleCase>& info) {
  std::string name = std::to_string(info.index) + "_";
  for (const char c : info.param.rule_id + "_" + info.param.name) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, RuleCaseTest, ::testing::ValuesIn(all_cases()), case_name);

TEST(RulesTest, EveryRuleHasACaseThatFiresAndOneThatIsQuiet) {
  std::map<std::string, int> firing;
  std::map<std::string, int> quiet_ones;
  for (const RuleCase& rule_case : all_cases()) {
    if (rule_case.severity) ++firing[rule_case.rule_id];
    if (!rule_case.severity && rule_case.state == CheckState::ran) ++quiet_ones[rule_case.rule_id];
  }
  for (const Check& check : catalogue()) {
    EXPECT_GT(firing[std::string(check.rule.id)], 0) << check.rule.id << " has no case that fires";
    EXPECT_GT(quiet_ones[std::string(check.rule.id)], 0) << check.rule.id << " has no case that is quiet";
  }
}

TEST(RulesTest, AHardenedSiteHasNoFindings) {
  const Observations seen = hardened_site();
  for (const Check& check : catalogue()) {
    const CheckResult result = check.run(check.rule, seen);

    EXPECT_EQ(to_string(result.state), "ran") << check.rule.id << ": " << result.reason;
    EXPECT_TRUE(result.detections.empty()) << check.rule.id << ": " << result.detections.front().detail;
  }
}

// Sites that are fine, each in its own way: nothing above info may be said of them.
TEST(RulesTest, GoodSitesOfOtherKindsHaveNothingAboveInfo) {
  const std::vector<std::pair<std::string, Arrange>> sites = {
      {"host-based policy",
       [](Observations& s) {
         set_header(s, "Content-Security-Policy",
                    "default-src 'none'; script-src 'self' https://cdn.example; "
                    "img-src 'self' data:; base-uri 'self'; frame-ancestors 'self'");
       }},
      {"old browsers kept in mind",
       [](Observations& s) {
         set_header(s, "Content-Security-Policy",
                    "script-src 'nonce-a' 'strict-dynamic' https: 'unsafe-inline'; "
                    "object-src 'none'; base-uri 'none'");
         add_header(s, "X-Frame-Options", "DENY");
         add_header(s, "X-XSS-Protection", "0");
       }},
      {"no cookies, no isolation headers",
       [](Observations& s) {
         for (const auto name : {"Set-Cookie", "Cross-Origin-Opener-Policy", "Cross-Origin-Embedder-Policy",
                                 "Cross-Origin-Resource-Policy", "Permissions-Policy", "Referrer-Policy"}) {
           drop_header(s, name);
         }
       }},
      {"www as final host",
       [](Observations& s) {
         const auto page = page_response(s);
         s.http = chain_of({"http://app.example/", "https://app.example/"}, "https://www.app.example/", page);
         s.https.hops.front().answer.value().status = 301;
         s.https.hops.front().answer.value().headers.emplace_back("Location", "https://www.app.example/");
         s.https.hops.push_back({url_of("https://www.app.example/"), page});
       }},
      {"no plain http at all",
       [](Observations& s) { s.http = failed_chain("http://app.example/", Error(ErrorCode::unavailable, "refused")); }},
      {"JSON service",
       [](Observations& s) {
         set_header(s, "Content-Type", "application/json");
         set_body(s, "{}");
         drop_header(s, "Content-Security-Policy");
       }},
  };
  for (const auto& [name, arrange] : sites) {
    Observations seen = hardened_site();
    arrange(seen);
    find_pages(seen);
    for (const Check& check : catalogue()) {
      for (const Detection& detection : check.run(check.rule, seen).detections) {
        EXPECT_EQ(to_string(detection.severity), "info")
            << name << ": " << detection.rule_id << " " << detection.detail;
      }
    }
  }
}

TEST(RulesTest, CookieValuesAndSessionIdsNeverReachTheEvidence) {
  Observations seen = hardened_site();
  set_cookie(seen, "sid=TOPSECRET1; Path=/");
  seen.http.hops.front().answer.value().headers.emplace_back("Set-Cookie", "TOPSECRET2");
  set_body(seen, "<a href='/a;jsessionid=TOPSECRET3'>a</a><a href='/?sid=TOPSECRET4&b=TOPSECRET5'>b</a>");
  find_pages(seen);

  int detections = 0;
  for (const Check& check : catalogue()) {
    for (const Detection& detection : check.run(check.rule, seen).detections) {
      ++detections;
      EXPECT_EQ(detection.url.find("TOPSECRET"), std::string::npos);
      for (const Evidence& proof : detection.evidence) {
        EXPECT_EQ(proof.value.find("TOPSECRET"), std::string::npos) << detection.rule_id << ": " << proof.value;
      }
    }
  }
  EXPECT_GT(detections, 4);
}

TEST(RulesTest, OneCookieNameIsOneDetection) {
  Observations seen = hardened_site();
  set_cookie(seen, "a=1");
  add_header(seen, "Set-Cookie", "a=2");
  add_header(seen, "Set-Cookie", "b=3");
  const Check* check = find_check("cookie.secure");

  const CheckResult result = check->run(check->rule, seen);

  ASSERT_EQ(result.detections.size(), 2U);
  EXPECT_EQ(result.detections[0].discriminator, "a");
  EXPECT_EQ(result.detections[1].discriminator, "b");
}

}  // namespace
}  // namespace weir::tools::scans

#include "tools/scans/scoring.h"
#include "base/hmac.h"

namespace weir::tools::scans {
namespace {

using enum Severity;

std::vector<CoverageRow> full_coverage() {
  std::vector<CoverageRow> rows;
  for (const Check& check : catalogue()) rows.push_back({.check_id = std::string(check.rule.id), .reason = ""});
  return rows;
}

ScoredFinding finding(std::string rule_id, std::string group, Severity severity) {
  return {.rule_id = std::move(rule_id), .group = std::move(group), .severity = severity, .detail = ""};
}

Posture posture(const std::vector<ScoredFinding>& findings) { return posture_of(findings, full_coverage()); }

TEST(ScoringTest, NothingFoundIsTheBestGrade) {
  const Posture best = posture({});

  EXPECT_EQ(best.score, 100);
  EXPECT_EQ(best.grade, "A+");
  EXPECT_EQ(best.grade_reason, "");
}

TEST(ScoringTest, InfoCostsNothing) { EXPECT_EQ(posture({finding("a", "headers", info)}).grade, "A+"); }

TEST(ScoringTest, ALowFindingForbidsThePlus) {
  const Posture result = posture({finding("a", "headers", low)});

  EXPECT_EQ(result.score, 98);
  EXPECT_EQ(result.grade, "A");
}

TEST(ScoringTest, EachSeverityHasItsPenalty) {
  EXPECT_EQ(posture({finding("a", "g", medium)}).score, 92);
  EXPECT_EQ(posture({finding("a", "g", high)}).score, 80);
  EXPECT_EQ(posture({finding("a", "g", critical)}).score, 60);
}

TEST(ScoringTest, AGroupCostsAtMostForty) {
  const std::vector<ScoredFinding> bad(10, finding("a", "headers", high));
  std::vector<ScoredFinding> worse = bad;
  worse.insert(worse.end(), 10, finding("b", "cookies", high));
  std::vector<ScoredFinding> worst = worse;
  worst.insert(worst.end(), 10, finding("c", "redirects", high));

  EXPECT_EQ(posture(bad).score, 60);
  EXPECT_EQ(posture(worse).score, 20);
  EXPECT_EQ(posture(worst).score, 0);
}

TEST(ScoringTest, LettersChangeAtTheirBounds) {
  const auto grade_at = [](int mediums, int lows) {
    std::vector<ScoredFinding> findings(static_cast<std::size_t>(mediums), finding("a", "g", medium));
    findings.insert(findings.end(), static_cast<std::size_t>(lows), finding("b", "h", low));
    return *posture(findings).grade;
  };
  EXPECT_EQ(grade_at(1, 1), "A");  // 90
  EXPECT_EQ(grade_at(1, 2), "B");  // 88
  EXPECT_EQ(grade_at(2, 2), "B");  // 80
  EXPECT_EQ(grade_at(2, 3), "C");  // 78
  EXPECT_EQ(grade_at(3, 3), "C");  // 70
  EXPECT_EQ(grade_at(4, 0), "D");  // 68
  EXPECT_EQ(grade_at(4, 4), "D");  // 60
  EXPECT_EQ(grade_at(4, 5), "F");  // 58
}

TEST(ScoringTest, OldTlsHoldsTheGradeDown) {
  const Posture result = posture({finding("tls.tls10", "tls", medium)});

  EXPECT_EQ(result.score, 92);
  EXPECT_EQ(result.grade, "B");
  EXPECT_EQ(result.grade_reason, "TLS 1.0 is accepted");
  EXPECT_EQ(posture({finding("tls.no_modern", "tls", low)}).grade, "C");
  EXPECT_EQ(posture({finding("tls.cipher.broken", "tls", high)}).grade, "F");
}

TEST(ScoringTest, ACapNeverRaisesAGrade) {
  const Posture result =
      posture({finding("tls.tls10", "tls", medium), finding("a", "g", critical), finding("b", "h", high)});

  EXPECT_EQ(result.grade, "F");
  EXPECT_EQ(result.grade_reason, "");
}

TEST(ScoringTest, NoTrustIsAGradeOfItsOwn) {
  EXPECT_EQ(posture({finding("cert.untrusted", "certificates", high)}).grade, "T");
  EXPECT_EQ(posture({finding("cert.expired", "certificates", high)}).grade, "T");
  EXPECT_EQ(posture({finding("cert.untrusted", "certificates", info)}).grade, "A+") << "a local target";
}

TEST(ScoringTest, NoGradeWithoutCoverage) {
  for (const CheckState state : {CheckState::skipped, CheckState::error}) {
    auto coverage = full_coverage();
    coverage.front().state = state;
    const Posture result = posture_of({}, coverage);

    EXPECT_EQ(result.score, std::nullopt);
    EXPECT_EQ(result.grade, std::nullopt);
    EXPECT_EQ(result.grade_reason, "coverage");
  }
  EXPECT_EQ(posture_of({}, {}).grade_reason, "coverage");
}

TEST(ScoringTest, WhatCannotCostPointsMayBeMissing) {
  auto coverage = full_coverage();
  for (CoverageRow& row : coverage) {
    if (row.check_id == "info.security_txt") row.state = CheckState::error;
    if (row.check_id == "hdr.hsts.missing") row.state = CheckState::not_applicable;
  }
  std::erase_if(coverage, [](const CoverageRow& row) { return row.check_id == "tls.tls10"; });  // a passive scan

  EXPECT_EQ(posture_of({}, coverage).grade, "A+");
}

Detection detection(std::string url, std::string discriminator = "sid") {
  Detection result;
  result.rule_id = "cookie.secure";
  result.url = std::move(url);
  result.discriminator = std::move(discriminator);
  return result;
}

TEST(FingerprintTest, IsTheDigestThatTheReferenceNames) {
  EXPECT_EQ(fingerprint_of(detection("https://a.example/x")),
            to_hex(sha256("v1|cookie.secure|https://a.example:443|/x|sid")));
}

TEST(FingerprintTest, IgnoresQueriesSpellingAndEvidence) {
  const std::string expected = fingerprint_of(detection("https://a.example/x/y"));
  Detection with_evidence = detection("https://a.example/x/y");
  with_evidence.evidence.push_back({.kind = "header", .label = "Server", .value = "nginx/1.2"});
  with_evidence.severity = high;
  with_evidence.detail = "other";

  EXPECT_EQ(fingerprint_of(with_evidence), expected);
  for (const auto url : {"https://a.example:443/x/y", "https://A.example/x/y?q=1", "https://a.example/x/./y",
                         "https://a.example/z/../x/y", "https://a.example/%78/y", "https://a.example//x//y"}) {
    EXPECT_EQ(fingerprint_of(detection(url)), expected) << url;
  }
}

TEST(FingerprintTest, TellsPlacesApart) {
  const std::string here = fingerprint_of(detection("https://a.example/x"));

  for (const auto url : {"http://a.example/x", "https://a.example:8443/x", "https://b.example/x",
                         "https://a.example/x/", "https://a.example/X", "https://a.example/"}) {
    EXPECT_NE(fingerprint_of(detection(url)), here) << url;
  }
  EXPECT_NE(fingerprint_of(detection("https://a.example/x", "other")), here);
}

}  // namespace
}  // namespace weir::tools::scans

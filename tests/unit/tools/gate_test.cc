#include "tools/scans/gate.h"

#include <gtest/gtest.h>

namespace weir::tools::scans {
namespace {

using Conclusion = GateVerdict::Conclusion;

store::ScanRow completed(const std::string& grade = "B") {
  store::ScanRow scan;
  scan.id = "scn_1";
  scan.status = "completed";
  scan.outcome = "findings";
  if (!grade.empty()) scan.grade = grade;
  return scan;
}

store::FindingWithOccurrence seen(const std::string& severity, const std::string& state = "recurring",
                                  const std::string& status = "open") {
  store::FindingWithOccurrence row;
  row.finding.id = "fnd_" + severity;
  row.finding.rule_id = "rule." + severity;
  row.finding.severity = severity;
  row.finding.status = status;
  row.occurrence.diff_state = state;
  return row;
}

using Findings = std::vector<store::FindingWithOccurrence>;

std::vector<std::string> codes(const GateVerdict& verdict) {
  std::vector<std::string> codes;
  for (const GateReason& reason : verdict.reasons) codes.push_back(reason.code);
  return codes;
}

TEST(GateTest, AFindingOfTheSeverityOrWorseFailsIt) {
  const Findings findings = {seen("critical"), seen("high"), seen("medium")};

  const GateVerdict verdict = judge({.fail_on = Severity::high}, completed(), findings);

  EXPECT_EQ(verdict.conclusion, Conclusion::failed);
  EXPECT_EQ(verdict.failing.size(), 2U);
  EXPECT_EQ(gate_summary(verdict), "The gate failed: 2 findings are high or worse (rule.critical, rule.high).");
}

TEST(GateTest, MilderFindingsPass) {
  const Findings findings = {seen("medium"), seen("info")};
  const GateVerdict verdict = judge({.fail_on = Severity::high}, completed(), findings);

  EXPECT_EQ(verdict.conclusion, Conclusion::passed);
  EXPECT_TRUE(verdict.reasons.empty());
  EXPECT_EQ(judge({.fail_on = std::nullopt}, completed(), {seen("critical")}).conclusion, Conclusion::passed);
}

TEST(GateTest, WhatWasNotSeenOrIsSetAsideDoesNotCount) {
  for (const Findings& findings :
       {Findings{seen("high", "fixed", "fixed")}, Findings{seen("high", "not_tested")},
        Findings{seen("high", "recurring", "accepted_risk")}, Findings{seen("high", "new", "false_positive")}}) {
    EXPECT_EQ(judge({}, completed(), findings).conclusion, Conclusion::passed) << findings[0].finding.status;
  }
  // Fixed since, but there when this scan looked.
  EXPECT_EQ(judge({}, completed(), {seen("high", "new", "fixed")}).conclusion, Conclusion::failed);
}

TEST(GateTest, APersonsSeverityCounts) {
  store::FindingWithOccurrence row = seen("high");
  row.finding.severity_override = "low";

  EXPECT_EQ(judge({}, completed(), {row}).conclusion, Conclusion::passed);
}

TEST(GateTest, NewOnlyLeavesOutWhatWasThereBefore) {
  const GateRule rule{.fail_on = Severity::low, .counts = GateRule::Counts::new_only};

  EXPECT_EQ(judge(rule, completed(), {seen("high", "recurring")}).conclusion, Conclusion::passed);
  EXPECT_EQ(judge(rule, completed(), {seen("high", "new")}).conclusion, Conclusion::failed);
  EXPECT_EQ(judge(rule, completed(), {seen("low", "reopened")}).conclusion, Conclusion::failed);
}

TEST(GateTest, GradesHaveAnOrder) {
  const auto with = [](const std::string& grade, const std::string& least) {
    return judge({.fail_on = std::nullopt, .min_grade = least}, completed(grade), {}).conclusion;
  };

  EXPECT_EQ(with("A+", "A"), Conclusion::passed);
  EXPECT_EQ(with("A", "A"), Conclusion::passed);
  EXPECT_EQ(with("A", "A+"), Conclusion::failed);
  EXPECT_EQ(with("F", "D"), Conclusion::failed);
  EXPECT_EQ(with("T", "F"), Conclusion::failed);
  EXPECT_EQ(with("", "F"), Conclusion::inconclusive);
}

TEST(GateTest, MissingCoverageMakesAPassDoubtfulButNoFailureGood) {
  store::ScanRow partial = completed();
  partial.outcome = "partial";

  EXPECT_EQ(judge({}, partial, {}).conclusion, Conclusion::inconclusive);
  EXPECT_EQ(judge({.coverage = GateRule::Coverage::ignored}, partial, {}).conclusion, Conclusion::passed);
  const Findings findings = {seen("high")};
  const GateVerdict both = judge({}, partial, findings);
  EXPECT_EQ(both.conclusion, Conclusion::failed);
  EXPECT_EQ(codes(both), (std::vector<std::string>{"findings", "coverage"}));
}

TEST(GateTest, AScanWithoutAResultIsInconclusive) {
  store::ScanRow scan = completed();
  scan.status = "timed_out";

  const GateVerdict verdict = judge({}, scan, {});

  EXPECT_EQ(verdict.conclusion, Conclusion::inconclusive);
  EXPECT_EQ(codes(verdict), std::vector<std::string>{"not_completed"});
  EXPECT_EQ(gate_json(scan, {}, verdict)["pass"], false);
}

TEST(GateTest, OnlyTheFirstFailingFindingsAreShownButAllAreCounted) {
  const Findings findings(kFailingShownMax + 5, seen("critical"));
  const GateRule rule;

  const Json shown = gate_json(completed(), rule, judge(rule, completed(), findings));

  EXPECT_EQ(shown["failing"].size(), kFailingShownMax);
  EXPECT_EQ(shown["failing_count"], kFailingShownMax + 5);
}

}  // namespace
}  // namespace weir::tools::scans

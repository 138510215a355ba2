#include "tests/unit/tools/tools_fixture.h"

namespace weir::tools {
namespace {

class ComparisonToolsTest : public ToolsTest {
 protected:
  ComparisonToolsTest() : target_id_(make_target()) { jobs_->start(); }

  std::string scan_that_finds(const std::vector<std::string>& rules, scans::CheckState state = scans::CheckState::ran) {
    scans_find(rules, state);
    return string_or(scan(target_id_), "id", "");
  }
  static std::vector<std::string> rules(const Json& findings) {
    std::vector<std::string> rules;
    for (const Json& finding : findings) rules.push_back(finding["rule_id"]);
    return rules;
  }

  std::string target_id_;
};

using Rules = std::vector<std::string>;

TEST_F(ComparisonToolsTest, WithoutABaselineItIsWhatTheScanCounted) {
  const std::string first = scan_that_finds({"hdr.csp.missing", "hdr.nosniff.missing"});
  const std::string second = scan_that_finds({"hdr.nosniff.missing", "hdr.frame.missing"});

  const Json before = call("compare_scans", {{"scan_id", first}});
  const Json after = call("compare_scans", {{"scan_id", second}});

  EXPECT_TRUE(before["baseline_id"].is_null());
  EXPECT_EQ(before["counts"]["new"], 2);
  EXPECT_EQ(after["baseline_id"], first);
  EXPECT_EQ(rules(after["new"]), Rules{"hdr.frame.missing"});
  EXPECT_EQ(rules(after["recurring"]), Rules{"hdr.nosniff.missing"});
  EXPECT_EQ(rules(after["fixed"]), Rules{"hdr.csp.missing"});
  EXPECT_EQ(after["fixed"][0]["status"], "fixed");
  EXPECT_EQ(after["is_truncated"], false);
}

TEST_F(ComparisonToolsTest, WithABaselineWhatHappenedBetweenDoesNotMatter) {
  const std::string first = scan_that_finds({"hdr.csp.missing", "hdr.nosniff.missing", "cookie.secure"});
  scan_that_finds({"hdr.nosniff.missing", "hdr.frame.missing"});
  const std::string third = scan_that_finds({"hdr.csp.missing", "hdr.frame.missing", "hdr.nosniff.missing"});

  const Json diff = call("compare_scans", {{"scan_id", third}, {"baseline_id", first}});

  EXPECT_EQ(rules(diff["new"]), Rules{"hdr.frame.missing"});
  EXPECT_EQ(rules(diff["recurring"]), (Rules{"hdr.csp.missing", "hdr.nosniff.missing"}));
  EXPECT_EQ(rules(diff["fixed"]), Rules{"cookie.secure"});
  EXPECT_EQ(diff["counts"]["reopened"], 0);
  EXPECT_EQ(rules(call("compare_scans", {{"scan_id", third}})["reopened"]), Rules{"hdr.csp.missing"});
}

TEST_F(ComparisonToolsTest, WhatTheBaselineNoLongerSawIsReopened) {
  scan_that_finds({"hdr.csp.missing"});
  const std::string clean = scan_that_finds({});
  const std::string third = scan_that_finds({"hdr.csp.missing"});

  EXPECT_EQ(rules(call("compare_scans", {{"scan_id", third}, {"baseline_id", clean}})["reopened"]),
            Rules{"hdr.csp.missing"});
}

TEST_F(ComparisonToolsTest, WithoutTheRuleNothingIsFixed) {
  const std::string first = scan_that_finds({"hdr.csp.missing"});
  const std::string second = scan_that_finds({}, scans::CheckState::error);
  const std::string third = scan_that_finds({"hdr.csp.missing"});

  EXPECT_EQ(call("compare_scans", {{"scan_id", second}, {"baseline_id", first}})["counts"]["not_tested"], 1);
  EXPECT_EQ(call("compare_scans", {{"scan_id", second}, {"baseline_id", first}})["counts"]["fixed"], 0);
  // Open at the baseline, though it did not look.
  EXPECT_EQ(call("compare_scans", {{"scan_id", third}, {"baseline_id", second}})["counts"]["recurring"], 1);
}

TEST_F(ComparisonToolsTest, ABaselineIsAnEarlierCompletedScanOfTheSameTarget) {
  const std::string first = scan_that_finds({"hdr.csp.missing"});
  const std::string second = scan_that_finds({"hdr.csp.missing"});
  const std::string other_target = make_target("http://127.0.0.1:10/");
  const std::string other = scan(other_target)["id"];

  const auto refused = [&](const std::string& scan_id, const std::string& baseline_id) {
    return refusal("compare_scans", {{"scan_id", scan_id}, {"baseline_id", baseline_id}});
  };
  EXPECT_EQ(refused(other, first).fields[0].field, "baseline_id");
  EXPECT_NE(refused(other, first).message.find(other_target), std::string::npos);
  EXPECT_NE(refused(first, second).message.find("other way round"), std::string::npos);
  EXPECT_NE(refused(first, first).message.find("itself"), std::string::npos);
  EXPECT_EQ(refused(first, "scn_00000000000000000000000000").code, ErrorCode::not_found);
  EXPECT_EQ(call_as(bob_, "compare_scans", {{"scan_id", first}}).error().code, ErrorCode::not_found);
}

TEST_F(ComparisonToolsTest, AScanThatHasNotEndedIsNeitherComparedNorJudged) {
  scans_hang();
  const std::string id = call("create_scan", {{"target_id", target_id_}, {"profile", "passive"}})["id"];

  const Error compared = refusal("compare_scans", {{"scan_id", id}});
  const Error judged = refusal("check_gate", {{"scan_id", id}});
  call("cancel_scan", {{"scan_id", id}});
  call("get_scan", {{"scan_id", id}, {"wait_seconds", 20}});

  EXPECT_EQ(compared.code, ErrorCode::conflict);
  EXPECT_NE(compared.message.find("wait_seconds"), std::string::npos);
  EXPECT_EQ(judged.code, ErrorCode::conflict);
  EXPECT_EQ(refusal("compare_scans", {{"scan_id", id}}).code, ErrorCode::conflict);
  const Json gate = call("check_gate", {{"scan_id", id}});
  EXPECT_EQ(gate["conclusion"], "inconclusive");
  EXPECT_EQ(gate["reasons"][0]["code"], "not_completed");
}

TEST_F(ComparisonToolsTest, TheGateAnswersWithDataWhetherItPassesOrNot) {
  const std::string id = scan_that_finds({"hdr.csp.missing", "hdr.nosniff.missing"});

  const Json high = call("check_gate", {{"scan_id", id}});
  const Json medium = call("check_gate", {{"scan_id", id}, {"fail_on", "medium"}});

  EXPECT_EQ(high["pass"], true);
  EXPECT_EQ(high["rule"]["fail_on"], "high");
  EXPECT_EQ(medium["pass"], false);
  EXPECT_EQ(medium["conclusion"], "failed");
  EXPECT_EQ(medium["reasons"][0]["code"], "findings");
  EXPECT_EQ(rules(medium["failing"]), Rules{"hdr.csp.missing"});
  EXPECT_EQ(call("check_gate", {{"scan_id", id}, {"fail_on", "never"}})["pass"], true);
  EXPECT_EQ(refusal("check_gate", {{"scan_id", id}, {"fail_on", "severe"}}).code, ErrorCode::validation_failed);
  EXPECT_EQ(refusal("check_gate", {{"scan_id", id}, {"min_grade", "E"}}).code, ErrorCode::validation_failed);
}

TEST_F(ComparisonToolsTest, AnAcceptedFindingNoLongerFailsTheGate) {
  const std::string id = scan_that_finds({"hdr.csp.missing"});
  const std::string finding = call("list_findings", {{"scan_id", id}})["data"][0]["id"];
  ASSERT_EQ(call("check_gate", {{"scan_id", id}, {"fail_on", "low"}})["pass"], false);

  call("update_finding_status", {{"finding_id", finding}, {"status", "false_positive"}, {"reason", "behind a proxy"}});

  EXPECT_EQ(call("check_gate", {{"scan_id", id}, {"fail_on", "low"}})["pass"], true);
}

}  // namespace
}  // namespace weir::tools

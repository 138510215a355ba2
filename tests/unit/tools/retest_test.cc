#include "tests/unit/tools/tools_fixture.h"
#include "tools/scans/scan_start.h"

namespace weir::tools {
namespace {

class RetestTest : public ToolsTest {
 protected:
  RetestTest() {
    scans_find({"hdr.csp.missing", "hdr.nosniff.missing"});
    target_id_ = make_target();
    jobs_->start();
    scan_id_ = scan(target_id_)["id"];
    const Json listed = call("list_findings", {{"scan_id", scan_id_}});
    for (const Json& finding : listed["data"]) {
      findings_[finding["rule_id"]] = finding["id"];
    }
  }
  // What a scan of these rules alone sees.
  void scans_of(const std::vector<std::string>& rules, const std::vector<std::string>& found) {
    scans_do([=](const scans::ScanPlan& plan, scans::ScanObserver&, std::stop_token) -> Result<scans::ScanOutcome> {
      EXPECT_EQ(plan.checks, rules);
      EXPECT_EQ(plan.profile, scans::Profile::custom);
      scans::ScanOutcome outcome = outcome_with(found);
      std::erase_if(outcome.coverage, [&](const scans::CoverageRow& row) {
        return std::find(rules.begin(), rules.end(), row.check_id) == rules.end();
      });
      return outcome;
    });
  }

  std::string target_id_;
  std::string scan_id_;
  std::map<std::string, std::string> findings_;
};

TEST_F(RetestTest, RunsOnlyTheRulesOfTheFindingsAndSaysWhatBecameOfThem) {
  scans_of({"hdr.csp.missing"}, {});

  const Json retest = call(
      "create_scan", {{"retest_of", scan_id_}, {"finding_ids", {findings_["hdr.csp.missing"]}}, {"wait_seconds", 20}});

  EXPECT_EQ(retest["status"], "completed");
  EXPECT_EQ(retest["trigger"], "retest");
  EXPECT_EQ(retest["retest_of"], scan_id_);
  EXPECT_EQ(retest["baseline_scan_id"], scan_id_);
  EXPECT_EQ(retest["target_id"], target_id_);
  EXPECT_EQ(retest["checks"], Json({"hdr.csp.missing"}));
  EXPECT_EQ(call("get_finding", {{"finding_id", findings_["hdr.csp.missing"]}})["status"], "fixed");
  EXPECT_EQ(call("get_finding", {{"finding_id", findings_["hdr.nosniff.missing"]}})["status"], "open");
  const Json diff = call("compare_scans", {{"scan_id", retest["id"]}, {"baseline_id", scan_id_}});
  EXPECT_EQ(diff["counts"]["fixed"], 1);
  EXPECT_EQ(diff["counts"]["not_tested"], 1);
}

TEST_F(RetestTest, WithoutFindingsItLooksAtWhatTheScanSawAndNobodySetAside) {
  call("update_finding_status",
       {{"finding_id", findings_["hdr.csp.missing"]}, {"status", "false_positive"}, {"reason", "x"}});
  scans_of({"hdr.nosniff.missing"}, {"hdr.nosniff.missing"});

  const Json retest = call("create_scan", {{"retest_of", scan_id_}, {"wait_seconds", 20}});

  EXPECT_EQ(retest["checks"], Json({"hdr.nosniff.missing"}));
  EXPECT_EQ(retest["counts"]["recurring"], 1);
}

TEST_F(RetestTest, FindingsAloneAreEnough) {
  const Json retest = call("create_scan", {{"finding_ids", {findings_["hdr.nosniff.missing"]}}});

  EXPECT_EQ(retest["retest_of"], scan_id_);
  EXPECT_EQ(retest["profile"], "custom");
}

TEST_F(RetestTest, WhatContradictsItIsRefusedByName) {
  const std::string other = make_target("http://127.0.0.1:10/");
  const std::string finding = findings_["hdr.csp.missing"];
  const auto field = [&](const Json& arguments) {
    const Error error = refusal("create_scan", arguments);
    EXPECT_EQ(error.code, ErrorCode::validation_failed) << error.message;
    return error.fields.empty() ? "" : error.fields[0].field;
  };

  EXPECT_EQ(field({{"retest_of", scan_id_}, {"checks", {"cookies"}}}), "checks");
  EXPECT_EQ(field({{"retest_of", scan_id_}, {"profile", "full"}}), "profile");
  EXPECT_EQ(field({{"retest_of", scan_id_}, {"target_id", other}}), "target_id");
  EXPECT_EQ(field({{"retest_of", scan_id_}, {"finding_ids", Json::array()}}), "finding_ids");
  const std::string elsewhere = scan(other)["id"];
  EXPECT_EQ(field({{"retest_of", elsewhere}, {"finding_ids", {finding}}}), "finding_ids[0]");
  EXPECT_EQ(call("create_scan", {{"retest_of", scan_id_}, {"target_id", target_id_}})["status"], "queued");
}

TEST_F(RetestTest, OnlyACompletedScanWithFindingsCanBeRetested) {
  scans_find({});
  const std::string clean = scan(target_id_)["id"];
  scans_hang();
  const std::string running = call("create_scan", {{"target_id", target_id_}, {"profile", "passive"}})["id"];

  const Error nothing_seen = refusal("create_scan", {{"retest_of", clean}});
  const Error not_over = refusal("create_scan", {{"retest_of", running}});
  call("cancel_scan", {{"scan_id", running}});

  EXPECT_EQ(nothing_seen.code, ErrorCode::conflict);
  EXPECT_NE(nothing_seen.message.find(target_id_), std::string::npos);
  EXPECT_EQ(not_over.code, ErrorCode::conflict);
  EXPECT_EQ(refusal("create_scan", {{"retest_of", "scn_00000000000000000000000000"}}).code, ErrorCode::not_found);
  EXPECT_EQ(refusal("create_scan", {{"finding_ids", {"fnd_00000000000000000000000000"}}}).code, ErrorCode::not_found);
  EXPECT_EQ(call_as(bob_, "create_scan", {{"retest_of", scan_id_}}).error().code, ErrorCode::not_found);
}

TEST_F(RetestTest, AScanKeepsTheRunThatStartedIt) {
  const std::string run_id = ids_.make("run");
  CallContext context;
  context.caller = alice_;
  context.surface = Surface::run;
  context.run_id = run_id;
  const auto started = database_->write_for([&](store::Transaction& transaction) {
    return scans::start_scan(*services_, context,
                             must(store::target_by_id(transaction, alice_->account_id, target_id_)),
                             must(scans::scan_request_of({{"profile", "passive"}})), transaction);
  });

  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(started->trigger, "run");
  const Json listed = call("list_scans", {{"run_id", run_id}});
  ASSERT_EQ(listed["data"].size(), 1U);
  EXPECT_EQ(listed["data"][0]["run_id"], run_id);
  EXPECT_EQ(call("list_scans", {{"run_id", ids_.make("run")}})["data"].size(), 0U);
}

}  // namespace
}  // namespace weir::tools

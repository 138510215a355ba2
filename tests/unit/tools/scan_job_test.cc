#include "tests/unit/tools/tools_fixture.h"

namespace weir::tools {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ScanJobTest = ToolsTest;

TEST_F(ScanJobTest, AScanEndsWithFindingsCoverageGradeAndOneTerminalEvent) {
  const std::string target_id = make_target();
  jobs_->start();

  const Json done = scan(target_id);

  EXPECT_EQ(done["status"], "completed");
  EXPECT_EQ(done["outcome"], "findings");
  EXPECT_EQ(done["counts"]["new"], 1);
  EXPECT_EQ(done["counts"]["medium"], 1);
  EXPECT_EQ(done["counts"]["total"], 1);
  EXPECT_EQ(done["pinned_ip"], "127.0.0.1");
  EXPECT_EQ(done["progress"]["percent"], 100);
  EXPECT_EQ(done["grade_algorithm"], "posture-1");
  EXPECT_FALSE(done["started_at"].is_null());
  EXPECT_GT(call("list_scan_checks", {{"scan_id", done["id"]}})["data"].size(), 10U);
  EXPECT_THAT(event_types(done["id"]), ElementsAre("scan.queued", "scan.started", "finding.new", "scan.completed"));
}

TEST_F(ScanJobTest, WhatTheEngineReportsBecomesEventsAndProgressIsCoalesced) {
  scans_do([](const scans::ScanPlan&, scans::ScanObserver& observer, std::stop_token) -> Result<scans::ScanOutcome> {
    scans::ScanProgress progress{.phase = "http", .checks_total = 2, .percent = 10};
    observer.phase_started(progress);
    for (int i = 0; i < 50; ++i) {
      progress.requests_sent = i;
      observer.progressed(progress);
    }
    observer.check_completed(
        {.check_id = "hdr.csp.missing", .state = scans::CheckState::ran, .reason = "", .requests = 1, .ms = 1},
        progress);
    auto outcome = outcome_with({"hdr.csp.missing"});
    observer.finding_detected(outcome.detections.front());
    return outcome;
  });
  const std::string target_id = make_target();
  jobs_->start();

  const std::vector<std::string> types = event_types(scan(target_id)["id"]);

  EXPECT_THAT(types, Contains("scan.phase"));
  EXPECT_THAT(types, Contains("scan.check.completed"));
  EXPECT_THAT(types, Contains("scan.finding.detected"));
  EXPECT_LE(std::count(types.begin(), types.end(), "scan.progress"), 3);
  EXPECT_GE(std::count(types.begin(), types.end(), "scan.progress"), 1);
}

TEST_F(ScanJobTest, ADetectionSeenAgainRecursAndAMissingOneIsFixedIfItsRuleRan) {
  const std::string target_id = make_target();
  jobs_->start();
  scans_find({"hdr.csp.missing", "hdr.nosniff.missing"});
  const Json first = scan(target_id);
  scans_find({"hdr.csp.missing"});

  const Json second = scan(target_id);

  EXPECT_EQ(second["baseline_scan_id"], first["id"]);
  EXPECT_EQ(second["counts"]["recurring"], 1);
  EXPECT_EQ(second["counts"]["fixed"], 1);
  EXPECT_EQ(second["counts"]["new"], 0);
  EXPECT_THAT(event_types(second["id"]), Contains("finding.fixed"));
  EXPECT_EQ(call("list_findings", {{"target_id", target_id}, {"status", "fixed"}})["data"][0]["rule_id"],
            "hdr.nosniff.missing");
}

TEST_F(ScanJobTest, AFixedFindingThatComesBackIsReopened) {
  const std::string target_id = make_target();
  jobs_->start();
  scan(target_id);
  scans_find({});
  EXPECT_EQ(scan(target_id)["outcome"], "clean");
  scans_find({"hdr.csp.missing"});

  const Json third = scan(target_id);

  EXPECT_EQ(third["counts"]["reopened"], 1);
  EXPECT_THAT(event_types(third["id"]), Contains("finding.reopened"));
  const Json listed = call("list_findings", {{"scan_id", third["id"]}});
  const Json finding = call("get_finding", {{"finding_id", listed["data"][0]["id"]}});
  EXPECT_EQ(finding["status"], "open");
  EXPECT_EQ(finding["reopened_count"], 1);
  ASSERT_EQ(finding["history"].size(), 3U);
  EXPECT_EQ(finding["history"][1]["to"], "fixed");
  EXPECT_EQ(finding["history"][2]["from"], "fixed");
}

TEST_F(ScanJobTest, AFindingWhoseRuleDidNotRunIsNotTestedAndStaysOpen) {
  const std::string target_id = make_target();
  jobs_->start();
  scan(target_id);
  scans_find({}, scans::CheckState::error);

  const Json second = scan(target_id);

  EXPECT_EQ(second["outcome"], "partial");
  EXPECT_EQ(second["counts"]["not_tested"], 1);
  EXPECT_EQ(second["counts"]["fixed"], 0);
  EXPECT_TRUE(second["grade"].is_null());
  EXPECT_EQ(call("list_findings", {{"target_id", target_id}, {"status", "open"}})["data"].size(), 1U);
}

TEST_F(ScanJobTest, TwoDetectionsOfOnePlaceAreOneFindingWithBothEvidences) {
  const std::string target_id = make_target();
  jobs_->start();
  scans_find({"hdr.csp.missing", "hdr.csp.missing"});

  const Json done = scan(target_id);

  EXPECT_EQ(done["counts"]["total"], 1);
  const Json listed = call("list_findings", {{"scan_id", done["id"]}});
  EXPECT_EQ(call("get_finding", {{"finding_id", listed["data"][0]["id"]}})["evidence"].size(), 2U);
}

TEST_F(ScanJobTest, AQueuedScanIsCancelledAtOnceAndNeverRuns) {
  const std::string id = call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}})["id"];

  const Json cancelled = call("cancel_scan", {{"scan_id", id}});
  jobs_->start();
  const Json other = scan(make_target("http://127.0.0.1:2/"));

  EXPECT_EQ(cancelled["status"], "cancelled");
  EXPECT_EQ(other["status"], "completed");
  EXPECT_EQ(status_of(id), "cancelled");
  EXPECT_THAT(event_types(id), ElementsAre("scan.queued", "scan.cancelled"));
  EXPECT_EQ(call("cancel_scan", {{"scan_id", id}})["status"], "cancelled");
}

TEST_F(ScanJobTest, ARunningScanIsCancelledByWayOfCancelling) {
  scans_hang();
  const std::string id = call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}})["id"];
  jobs_->start();
  ASSERT_TRUE(testing::eventually([&] { return status_of(id) == "running"; }));

  EXPECT_EQ(call("cancel_scan", {{"scan_id", id}})["status"], "cancelling");
  const Json ended = call("get_scan", {{"scan_id", id}, {"wait_seconds", 20}});

  EXPECT_EQ(ended["status"], "cancelled");
  EXPECT_NE(ended["error"]["message"].get<std::string>().find("alice-key"), std::string::npos);
  EXPECT_THAT(event_types(id), ElementsAre("scan.queued", "scan.started", "scan.cancelling", "scan.cancelled"));
}

TEST_F(ScanJobTest, ACompletedScanCannotBeCancelled) {
  jobs_->start();
  const std::string id = scan(make_target())["id"];

  EXPECT_EQ(refusal("cancel_scan", {{"scan_id", id}}).code, ErrorCode::conflict);
  EXPECT_EQ(status_of(id), "completed");
}

TEST_F(ScanJobTest, AScanThatOutlivesItsDeadlineTimesOutWithAReason) {
  settings_.scan_deadline = std::chrono::seconds{1};
  scans_hang();
  jobs_->start();

  const Json ended = scan(make_target());

  EXPECT_EQ(ended["status"], "timed_out");
  EXPECT_EQ(ended["error"]["code"], "timed_out");
  EXPECT_EQ(event_types(ended["id"]).back(), "scan.timed_out");
}

TEST_F(ScanJobTest, AnEnginesErrorFailsTheScanWithItsReason) {
  scans_do([](const scans::ScanPlan&, scans::ScanObserver&, std::stop_token) -> Result<scans::ScanOutcome> {
    return Error(ErrorCode::unavailable, "Nothing answers at 127.0.0.1:9.");
  });
  jobs_->start();

  const Json ended = scan(make_target());

  EXPECT_EQ(ended["status"], "failed");
  EXPECT_EQ(ended["error"]["message"], "Nothing answers at 127.0.0.1:9.");
  EXPECT_EQ(event_types(ended["id"]).back(), "scan.failed");
}

TEST_F(ScanJobTest, AnExceptionFailsTheScanAndTellsNobodyItsText) {
  scans_do([](const scans::ScanPlan&, scans::ScanObserver&, std::stop_token) -> Result<scans::ScanOutcome> {
    throw std::runtime_error("secret detail");
  });
  jobs_->start();

  const Json ended = scan(make_target());

  EXPECT_EQ(ended["status"], "failed");
  EXPECT_EQ(ended["error"]["code"], "internal");
  EXPECT_EQ(to_text(ended).find("secret detail"), std::string::npos);
}

TEST_F(ScanJobTest, AScanThatAStopInterruptedIsResumedAndEnds) {
  scans_hang();
  const std::string id = call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}})["id"];
  jobs_->start();
  ASSERT_TRUE(testing::eventually([&] { return status_of(id) == "running"; }));
  jobs_->stop();
  EXPECT_EQ(status_of(id), "running");
  scans_find({"hdr.csp.missing"});
  // The services keep the first runner; the next process's runner finds the job in the database.
  const std::unique_ptr<jobs::JobRunner> first = std::move(jobs_);
  make_runner();

  jobs_->start();
  const Json ended = call("get_scan", {{"scan_id", id}, {"wait_seconds", 30}});

  EXPECT_EQ(ended["status"], "completed");
  EXPECT_THAT(event_types(id),
              ElementsAre("scan.queued", "scan.started", "scan.resumed", "finding.new", "scan.completed"));
  const auto events = must(events_->read_after(id, 2, 1));
  EXPECT_EQ(events.front().data["reason"], "server_restarted");
}

TEST_F(ScanJobTest, AScanGivenUpSaysThatTheServerWasRestarted) {
  const std::string id = call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}})["id"];
  // A context of the kind that a runner makes, for a job whose attempts are used up.
  class UsedUp final : public jobs::JobContext {
   public:
    UsedUp(store::Database& database, std::string scan_id) : database_(database) {
      job_.resource_id = std::move(scan_id);
    }
    const store::JobRow& job() const override { return job_; }
    std::int64_t attempt() const override { return 4; }
    std::stop_token stop_token() const override { return {}; }
    jobs::StopReason stop_reason() const override { return jobs::StopReason::none; }
    Result<void> write(const std::function<Result<void>(store::Transaction&)>& body) override {
      return database_.write(body);
    }

   private:
    store::Database& database_;
    store::JobRow job_;
  } context(*database_, id);

  scans::give_up_scan_job(*services_, context);

  const Json ended = call("get_scan", {{"scan_id", id}});
  EXPECT_EQ(ended["status"], "failed");
  EXPECT_EQ(ended["error"]["code"], "server_restarted");
  EXPECT_THAT(event_types(id), ElementsAre("scan.queued", "scan.failed"));
}

}  // namespace
}  // namespace weir::tools

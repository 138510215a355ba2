#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class ScansStoreTest : public StoreTest {
 protected:
  ScansStoreTest() {
    add_account("acc_1");
    add_account("acc_2");
    add_target("acc_1", "tgt_1");
    add_target("acc_1", "tgt_2");
  }
  ScanRow scan(const std::string& id) {
    return read([&](Transaction& t) { return scan_for_job(t, id); });
  }
  void set_status(const std::string& id, const std::string& status) {
    ScanRow row = scan(id);
    const std::string from = row.status;
    row.status = status;
    write([&](Transaction& t) { return update_scan(t, row, {from}); });
  }
  std::vector<std::string> list(const ScanFilter& filter) {
    std::vector<std::string> ids;
    for (const auto& row : read([&](Transaction& t) { return list_scans(t, filter, {}); }).items) ids.push_back(row.id);
    return ids;
  }
};

TEST_F(ScansStoreTest, WhatCanChangeIsWritten) {
  add_scan("acc_1", "tgt_1", "scn_1");
  ScanRow row = scan("scn_1");
  EXPECT_EQ(row.status, "queued");
  EXPECT_EQ(row.trigger, "api");
  EXPECT_FALSE(row.outcome);
  row.status = "completed";
  row.outcome = "findings";
  row.baseline_scan_id = "scn_0";
  row.progress = {{"done", 3}};
  row.counts = {{"high", 1}};
  row.score = 71;
  row.grade = "B";
  row.grade_reason = "one high";
  row.grade_algorithm = "1";
  row.pinned_ip = "192.0.2.1";
  row.scanner_version = "0.1";
  row.ruleset_version = "3";
  row.error_code = "e";
  row.error_message = "m";
  row.started_at = at_ms(1);
  row.finished_at = at_ms(2);
  row.deadline_at = at_ms(3);
  row.updated_at = at_ms(4);

  write([&](Transaction& t) { return update_scan(t, row, {"queued", "running"}); });

  const ScanRow found = read([](Transaction& t) { return scan_by_id(t, "acc_1", "scn_1"); });
  EXPECT_EQ(found.status, "completed");
  EXPECT_EQ(found.outcome, "findings");
  EXPECT_EQ(found.baseline_scan_id, "scn_0");
  EXPECT_EQ(found.progress, row.progress);
  EXPECT_EQ(found.counts, row.counts);
  EXPECT_EQ(found.score, 71);
  EXPECT_EQ(found.grade, "B");
  EXPECT_EQ(found.grade_reason, "one high");
  EXPECT_EQ(found.pinned_ip, "192.0.2.1");
  EXPECT_EQ(found.scanner_version, "0.1");
  EXPECT_EQ(found.ruleset_version, "3");
  EXPECT_EQ(found.error_code, "e");
  EXPECT_EQ(found.started_at, at_ms(1));
  EXPECT_EQ(found.finished_at, at_ms(2));
  EXPECT_EQ(found.deadline_at, at_ms(3));
  EXPECT_EQ(found.updated_at, at_ms(4));
}

TEST_F(ScansStoreTest, AScanDoesNotMoveOutOfAnotherStatus) {
  add_scan("acc_1", "tgt_1", "scn_1");
  set_status("scn_1", "cancelled");
  ScanRow row = scan("scn_1");
  row.status = "completed";

  const auto done = database_->write([&](Transaction& t) { return update_scan(t, row, {"running", "cancelling"}); });

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::conflict);
  EXPECT_THAT(done.error().message, ::testing::HasSubstr("cancelled"));
  row.id = "scn_9";
  EXPECT_EQ(refusal([&](Transaction& t) { return update_scan(t, row, {"running"}); }), ErrorCode::not_found);
}

TEST_F(ScansStoreTest, ScansAreListedNewestFirstWithinTheirAccount) {
  for (const char* id : {"scn_1", "scn_2", "scn_3"})
    add_scan("acc_1", std::string(id) == "scn_2" ? "tgt_2" : "tgt_1", id);
  set_status("scn_1", "completed");

  EXPECT_EQ(list({"acc_1", "", ""}), (std::vector<std::string>{"scn_3", "scn_2", "scn_1"}));
  EXPECT_EQ(list({"acc_1", "tgt_1", ""}), (std::vector<std::string>{"scn_3", "scn_1"}));
  EXPECT_EQ(list({"acc_1", "", "completed"}), (std::vector<std::string>{"scn_1"}));
  EXPECT_EQ(list({"acc_2", "", ""}), (std::vector<std::string>{}));
  EXPECT_EQ(refusal([](Transaction& t) { return scan_by_id(t, "acc_2", "scn_1"); }), ErrorCode::not_found);
}

TEST_F(ScansStoreTest, AScanKeepsWhichRunStartedItAndWhatItRetests) {
  add_scan("acc_1", "tgt_1", "scn_1");
  write([](Transaction& t) {
    ScanRow retest;
    retest.id = "scn_2";
    retest.account_id = "acc_1";
    retest.target_id = "tgt_1";
    retest.profile = "custom";
    retest.run_id = "run_1";
    retest.retest_of = "scn_1";
    return insert_scan(t, retest);
  });

  EXPECT_EQ(scan("scn_2").run_id, "run_1");
  EXPECT_EQ(scan("scn_2").retest_of, "scn_1");
  EXPECT_FALSE(scan("scn_1").run_id);
  EXPECT_EQ(list({.account_id = "acc_1", .target_id = "", .status = "", .run_id = "run_1"}),
            (std::vector<std::string>{"scn_2"}));
  EXPECT_TRUE(list({.account_id = "acc_1", .target_id = "", .status = "", .run_id = "run_2"}).empty());
}

TEST_F(ScansStoreTest, ActiveScansAreCounted) {
  add_scan("acc_1", "tgt_1", "scn_1");
  EXPECT_EQ(read([](Transaction& t) { return active_scan_of(t, "tgt_1"); })->id, "scn_1");
  EXPECT_FALSE(read([](Transaction& t) { return active_scan_of(t, "tgt_2"); }));
  EXPECT_EQ(read([](Transaction& t) { return count_active_scans(t, "acc_1"); }), 1);

  for (const char* status : {"running", "cancelling"}) {
    set_status("scn_1", status);
    EXPECT_EQ(read([](Transaction& t) { return count_active_scans(t, "acc_1"); }), 1) << status;
  }
  set_status("scn_1", "failed");

  EXPECT_EQ(read([](Transaction& t) { return count_active_scans(t, "acc_1"); }), 0);
  EXPECT_FALSE(read([](Transaction& t) { return active_scan_of(t, "tgt_1"); }));
  EXPECT_EQ(read([](Transaction& t) { return count_scans_since(t, "acc_1", from_unix_ms(0)); }), 1);
  EXPECT_EQ(read([](Transaction& t) { return count_scans_since(t, "acc_1", from_unix_ms(1)); }), 0);
}

TEST_F(ScansStoreTest, TheBaselineIsTheNewestCompletedScanBefore) {
  for (const char* id : {"scn_1", "scn_2", "scn_3", "scn_4", "scn_5"}) add_scan("acc_1", "tgt_1", id);
  for (const char* id : {"scn_1", "scn_2", "scn_5"}) set_status(id, "completed");
  set_status("scn_3", "failed");

  const auto baseline = read([&](Transaction& t) -> Result<std::optional<ScanRow>> {
    auto row = scan_for_job(t, "scn_4");
    if (!row) return std::move(row).error();
    return baseline_of(t, *row);
  });

  ASSERT_TRUE(baseline);
  EXPECT_EQ(baseline->id, "scn_2");
  ScanRow other = scan("scn_4");
  other.profile = "deep";
  EXPECT_FALSE(read([&](Transaction& t) { return baseline_of(t, other); }));
}

TEST_F(ScansStoreTest, TheCoverageTableIsReplacedAndKeepsItsOrder) {
  add_scan("acc_1", "tgt_1", "scn_1");
  write([](Transaction& t) { return put_scan_checks(t, "scn_1", {{"old", "ran", "", 1, 2}}); });

  write([](Transaction& t) {
    return put_scan_checks(t, "scn_1", {{"b", "skipped", "why", 0, 0}, {"a", "ran", "", 3, 40}});
  });

  const auto checks = read([](Transaction& t) { return scan_checks(t, "scn_1"); });
  ASSERT_EQ(checks.size(), 2U);
  EXPECT_EQ(checks[0].check_id, "b");
  EXPECT_EQ(checks[0].reason, "why");
  EXPECT_EQ(checks[1].requests, 3);
  EXPECT_EQ(checks[1].ms, 40);
}

TEST(ScanStatusTest, OnlyFourAreTerminal) {
  for (const char* status : {"completed", "failed", "cancelled", "timed_out"})
    EXPECT_TRUE(is_terminal_scan_status(status));
  for (const char* status : {"queued", "running", "cancelling", ""}) EXPECT_FALSE(is_terminal_scan_status(status));
}

}  // namespace
}  // namespace weir::store

#include "store/leases.h"

#include "store/scan_pace.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LeasesTest : public StoreTest {
 protected:
  LeasesTest() {
    add_account("acc_1");
    add_account("acc_2");
    add_target("acc_1", "tgt_1");
  }
  // A scan of a minute's deadline that began `began` and took `took`, if it ended.
  void add(const std::string& id, const std::string& status, std::int64_t began_ms = 0, std::int64_t took_ms = 0) {
    ScanRow scan;
    scan.id = id;
    scan.account_id = "acc_1";
    scan.target_id = "tgt_1";
    scan.profile = "passive";
    scan.status = status;
    scan.queued_at = at_ms(began_ms);
    scan.started_at = at_ms(began_ms);
    if (took_ms > 0) scan.finished_at = at_ms(began_ms + took_ms);
    scan.deadline_at = at_ms(began_ms) + seconds{60};
    scan.updated_at = scan.queued_at;
    write([&](Transaction& t) { return insert_scan(t, scan); });
  }
  std::vector<std::string> held_at(UnixMillis now, const std::string& account = "acc_1") {
    std::vector<std::string> ids;
    for (const Lease& lease : read([&](Transaction& t) { return leases_of(t, kScanLeases, account, now); }))
      ids.push_back(lease.id);
    return ids;
  }
};

TEST_F(LeasesTest, WhatHasNotEndedHoldsAPlaceOfItsAccount) {
  add("scn_1", "queued");
  add("scn_2", "running");
  add("scn_3", "cancelling");
  for (const char* status : {"completed", "failed", "cancelled", "timed_out"})
    add(std::string("scn_4") + status, status);

  EXPECT_EQ(held_at(at_ms(1)), (std::vector<std::string>{"scn_1", "scn_2", "scn_3"}));
  EXPECT_EQ(held_at(at_ms(1), "acc_2"), std::vector<std::string>{});
}

TEST_F(LeasesTest, APlaceThatNobodyGaveBackIsFreeAfterItsDeadlineAndTheGrace) {
  add("scn_1", "running");
  const UnixMillis end = at_ms(0) + seconds{60} + kLeaseGrace;

  EXPECT_EQ(held_at(end - milliseconds{1}).size(), 1U);
  EXPECT_EQ(held_at(end).size(), 0U);
}

TEST_F(LeasesTest, TheUsualTimeIsTheMedianOfTheLatestThatCompleted) {
  EXPECT_FALSE(read([](Transaction& t) { return usual_time(t, kScanLeases, "acc_1"); }));
  add("scn_1", "completed", 0, 900'000);  // the sixth last
  add("scn_2", "completed", 0, 1'000);
  add("scn_3", "completed", 0, 9'000);
  add("scn_4", "failed", 0, 50'000);
  add("scn_5", "completed", 0, 2'000);
  add("scn_6", "completed", 0, 3'000);
  add("scn_7", "completed", 0, 4'000);

  EXPECT_EQ(read([](Transaction& t) { return usual_time(t, kScanLeases, "acc_1"); }), milliseconds{3'000});
}

TEST_F(LeasesTest, ADayOfScansSaysWhenItsNextPlaceFrees) {
  constexpr std::chrono::hours kDay{24};
  const auto day = [&](std::int64_t limit) {
    return read([&](Transaction& t) { return scans_of_day(t, "acc_1", limit, kDay, at_ms(10'000)); });
  };
  EXPECT_EQ(day(3).started, 0);
  EXPECT_FALSE(day(3).frees_at);
  add("scn_1", "completed", 1'000, 1);
  add("scn_2", "completed", 2'000, 1);
  add("scn_3", "completed", 3'000, 1);

  EXPECT_EQ(day(5).started, 3);
  EXPECT_EQ(day(5).frees_at, at_ms(1'000) + kDay);
  EXPECT_EQ(day(2).frees_at, at_ms(2'000) + kDay) << "the oldest frees nothing";
}

}  // namespace
}  // namespace weir::store

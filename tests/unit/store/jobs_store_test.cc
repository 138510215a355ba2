#include "store/jobs_store.h"

#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class JobsStoreTest : public StoreTest {
 protected:
  void add(const std::string& id, std::int64_t due) {
    write([&](Transaction& t) {
      return insert_job(t, {.id = id,
                            .kind = "scan",
                            .resource_id = "scn_" + id,
                            .account_id = "acc_1",
                            .lease_owner = "",
                            .lease_until = std::nullopt,
                            .due_at = at_ms(due),
                            .deadline_at = at_ms(10'000),
                            .created_at = at_ms(due)});
    });
  }
  std::optional<JobRow> claim(const std::string& owner, std::int64_t now, std::int64_t until) {
    return write([&](Transaction& t) { return claim_job(t, {"scan", owner, at_ms(now), at_ms(until)}); });
  }
  std::optional<UnixMillis> next_due(const std::string& kind = "scan") {
    return read([&](Transaction& t) { return next_job_due(t, kind); });
  }
  std::optional<JobRow> stored(const std::string& id) {
    return read([&](Transaction& t) { return job_by_id(t, id); });
  }
};

TEST_F(JobsStoreTest, TheOldestDueJobIsClaimedFirst) {
  add("b", 20);
  add("a", 10);
  add("later", 500);

  const auto first = claim("me", 100, 200);
  const auto second = claim("me", 100, 200);

  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, "a");
  EXPECT_EQ(first->state, "running");
  EXPECT_EQ(first->attempts, 1);
  EXPECT_EQ(first->lost, 0);
  EXPECT_EQ(first->lease_owner, "me");
  EXPECT_EQ(first->lease_until, at_ms(200));
  EXPECT_EQ(second->id, "b");
  EXPECT_FALSE(claim("me", 100, 200));
}

TEST_F(JobsStoreTest, AJobWhoseLeaseHasEndedIsClaimedAgainAndCountedAsLost) {
  add("a", 10);
  claim("dead", 100, 200);

  EXPECT_FALSE(claim("me", 199, 300));
  const auto again = claim("me", 200, 300);

  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempts, 2);
  EXPECT_EQ(again->lost, 1);
}

TEST_F(JobsStoreTest, OnlyTheOwnerRenewsFinishesAndReleases) {
  add("a", 10);
  claim("me", 100, 200);

  const auto each = [&](const std::string& owner) {
    return write([&](Transaction& t) -> Result<std::vector<bool>> {
      return std::vector<bool>{*renew_lease(t, "a", owner, at_ms(400)), *release_job(t, "a", owner, at_ms(50)),
                               *finish_job(t, "a", owner)};
    });
  };

  EXPECT_EQ(each("thief"), (std::vector<bool>{false, false, false}));
  EXPECT_EQ(stored("a")->lease_until, at_ms(200));
  EXPECT_EQ(each("me"), (std::vector<bool>{true, true, false}));
  EXPECT_EQ(stored("a")->state, "queued");
  EXPECT_EQ(stored("a")->due_at, at_ms(50));
  EXPECT_EQ(stored("a")->lease_owner, "");
}

TEST_F(JobsStoreTest, ACleanReturnIsNotALoss) {
  add("a", 10);
  claim("me", 100, 200);
  write([](Transaction& t) { return release_job(t, "a", "me", at_ms(150)); });

  const auto again = claim("me", 150, 300);

  EXPECT_EQ(again->attempts, 2);
  EXPECT_EQ(again->lost, 0);
}

TEST_F(JobsStoreTest, TheNextDueTimeIsThatOfQueuedJobsAndEndingLeases) {
  EXPECT_FALSE(next_due());
  add("a", 10);
  add("b", 400);
  EXPECT_EQ(next_due(), at_ms(10));

  claim("me", 100, 200);
  EXPECT_EQ(next_due(), at_ms(200));

  write([](Transaction& t) { return finish_job(t, "a", "me"); });
  EXPECT_EQ(next_due(), at_ms(400));
}

TEST_F(JobsStoreTest, AKindClaimsOnlyItsOwn) {
  add("a", 10);

  EXPECT_FALSE(write([](Transaction& t) { return claim_job(t, {"run", "me", at_ms(100), at_ms(200)}); }));
  EXPECT_FALSE(next_due("run"));
  EXPECT_EQ(next_due(), at_ms(10));

  claim("dead", 100, 200);
  EXPECT_FALSE(write([](Transaction& t) { return claim_job(t, {"run", "me", at_ms(300), at_ms(400)}); }));
  EXPECT_TRUE(claim("me", 300, 400));
}

TEST_F(JobsStoreTest, ThePlacesThatBecomeFreeGoToTheOldestThatWait) {
  for (const char* id : {"a", "b", "c"}) add(id, 1'000);
  add("due", 50);
  const auto make_due = [&](const std::string& kind, const std::string& account, std::int64_t count) {
    return write([&](Transaction& t) { return make_jobs_due(t, kind, account, at_ms(100), count); });
  };

  EXPECT_EQ(make_due("run", "acc_1", 2), 0);
  EXPECT_EQ(make_due("scan", "acc_2", 2), 0);
  EXPECT_EQ(make_due("scan", "acc_1", 2), 2);

  EXPECT_EQ(stored("a")->due_at, at_ms(100));
  EXPECT_EQ(stored("b")->due_at, at_ms(100));
  EXPECT_EQ(stored("c")->due_at, at_ms(1'000));
  EXPECT_EQ(stored("due")->due_at, at_ms(50));
}

TEST_F(JobsStoreTest, ACancellationMakesAQueuedJobDue) {
  add("a", 10);
  write([](Transaction& t) { return t.execute("UPDATE jobs SET due_at = due_at + 5000"); });

  write([](Transaction& t) { return request_cancel(t, "scn_a"); });

  EXPECT_TRUE(stored("a")->is_cancel_requested);
  EXPECT_EQ(stored("a")->due_at, at_ms(10));
  EXPECT_EQ(read([](Transaction& t) { return job_of_resource(t, "scn_a"); })->id, "a");
  EXPECT_FALSE(read([](Transaction& t) { return job_of_resource(t, "scn_b"); }));
}

TEST_F(JobsStoreTest, AllLeasesEndWhenTheOnlyOwnerStarts) {
  add("a", 10);
  claim("dead", 100, 100'000);

  EXPECT_EQ(write([](Transaction& t) { return end_all_leases(t, at_ms(110)); }), 1);

  EXPECT_EQ(claim("me", 110, 200)->lost, 1);
}

}  // namespace
}  // namespace weir::store

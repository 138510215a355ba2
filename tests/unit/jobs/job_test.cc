#include "jobs/job.h"

#include <random>

#include "store/database.h"
#include "tests/support/temp_dir.h"

namespace weir::jobs {
namespace {

using std::chrono::milliseconds;

UnixMillis at_ms(std::int64_t ms) { return from_unix_ms(1'795'000'000'000 + ms); }

TEST(JobTest, OnlyTheMovesOfTheTableExist) {
  EXPECT_EQ(after(JobState::queued, JobMove::claim), JobState::running);
  EXPECT_EQ(after(JobState::running, JobMove::reclaim), JobState::running);
  EXPECT_EQ(after(JobState::running, JobMove::renew), JobState::running);
  EXPECT_EQ(after(JobState::running, JobMove::release), JobState::queued);
  EXPECT_EQ(after(JobState::running, JobMove::finish), JobState::finished);
  for (const JobMove move : {JobMove::reclaim, JobMove::renew, JobMove::release, JobMove::finish}) {
    EXPECT_FALSE(after(JobState::queued, move));
  }
  for (const JobMove move : {JobMove::claim, JobMove::reclaim, JobMove::renew, JobMove::release, JobMove::finish}) {
    EXPECT_FALSE(after(JobState::finished, move));
  }
  EXPECT_FALSE(after(JobState::running, JobMove::claim));
}

TEST(JobTest, ACancellationCountsBeforeTheDeadline) {
  store::JobRow job;
  job.deadline_at = at_ms(100);

  EXPECT_EQ(stop_reason_at(job, at_ms(99)), StopReason::none);
  EXPECT_EQ(stop_reason_at(job, at_ms(100)), StopReason::deadline);
  job.is_cancel_requested = true;
  EXPECT_EQ(stop_reason_at(job, at_ms(100)), StopReason::cancelled);
}

TEST(JobTest, TheWaitIsNeverNegativeNorTooLong) {
  EXPECT_EQ(wait_until_due(std::nullopt, at_ms(0), milliseconds{50}), milliseconds{50});
  EXPECT_EQ(wait_until_due(at_ms(20), at_ms(0), milliseconds{50}), milliseconds{20});
  EXPECT_EQ(wait_until_due(at_ms(-20), at_ms(0), milliseconds{50}), milliseconds{0});
  EXPECT_EQ(wait_until_due(at_ms(2'000), at_ms(0), milliseconds{50}), milliseconds{50});
}

// The store makes exactly the moves of the table, whatever the order in which they are tried.
TEST(JobTest, TheStoreMakesOnlyMovesOfTheTable) {
  const testing::TempDir folder;
  auto opened = store::Database::open({.path = (folder.path() / "weir.db").string()});
  ASSERT_TRUE(opened);
  std::minstd_rand random(20261122);
  std::int64_t now = 0;
  int moves_made = 0;

  const auto done = (*opened)->write([&](store::Transaction& t) -> Result<void> {
    for (int round = 0; round < 20; ++round) {
      store::JobRow job;
      job.id = "job_" + std::to_string(100 + round);
      job.kind = "scan";
      job.due_at = job.created_at = at_ms(now);
      job.deadline_at = at_ms(1'000'000);
      if (auto inserted = insert_job(t, job); !inserted) return inserted;
      JobState state = JobState::queued;
      bool is_lease_ended = false;
      for (int step = 0; step < 40; ++step) {
        auto move = static_cast<JobMove>(random() % 5);
        if (move == JobMove::reclaim && state == JobState::running && !is_lease_ended) {
          now += 1'000;
          is_lease_ended = true;
        }
        if (move == JobMove::claim && state == JobState::running && is_lease_ended) move = JobMove::reclaim;
        bool is_made = false;
        switch (move) {
          case JobMove::claim:
          case JobMove::reclaim: {
            auto claimed = claim_job(t, {"scan", "me", at_ms(now), at_ms(now + 100)});
            if (!claimed) return claimed.error();
            is_made = claimed->has_value();
            if (is_made) move = state == JobState::queued ? JobMove::claim : JobMove::reclaim;
            if (is_made) is_lease_ended = false;
            break;
          }
          case JobMove::renew:
            is_made = *renew_lease(t, job.id, "me", at_ms(now + 100));
            if (is_made) is_lease_ended = false;
            break;
          case JobMove::release: is_made = *release_job(t, job.id, "me", at_ms(now)); break;
          case JobMove::finish: is_made = *finish_job(t, job.id, "me"); break;
        }
        const auto expected = after(state, move);
        EXPECT_EQ(is_made, expected.has_value()) << to_string(state) << " move " << int(move);
        if (expected) {
          state = *expected;
          ++moves_made;
        }
        EXPECT_EQ(job_state_from((*job_by_id(t, job.id))->state), state);
      }
      if (auto cleared = t.execute("DELETE FROM jobs"); !cleared) return cleared.error();
    }
    return {};
  });

  EXPECT_TRUE(done);
  EXPECT_GT(moves_made, 100);
}

}  // namespace
}  // namespace weir::jobs

#include "jobs/job_runner.h"

#include <set>

#include "store/jobs_store.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_random.h"
#include "tests/support/temp_dir.h"

namespace weir::jobs {
namespace {

using std::chrono::milliseconds;
using testing::eventually;

class JobRunnerTest : public ::testing::Test {
 protected:
  JobRunnerTest() {
    auto opened = store::Database::open({.path = (folder_.path() / "weir.db").string()});
    if (!opened) throw std::runtime_error(opened.error().message);
    database_ = std::move(*opened);
  }

  void start(std::function<JobOutcome(JobContext&)> run) {
    handler_.run = std::move(run);
    if (!handler_.give_up) handler_.give_up = [](JobContext&) {};
    runner_ = JobRunner::create(settings_, *database_, clock_, ids_, {{"scan", handler_}});
    runner_->start();
  }

  std::string enqueue(const std::string& resource, milliseconds deadline = std::chrono::minutes{5}) {
    auto id = database_->write_for([&](store::Transaction& t) { return runner_->enqueue(t, job(resource, deadline)); });
    EXPECT_TRUE(id);
    return *id;
  }
  store::JobRow job(const std::string& resource, milliseconds deadline = std::chrono::minutes{5}) {
    store::JobRow row;
    row.kind = "scan";
    row.resource_id = resource;
    row.deadline_at = clock_.now() + deadline;
    return row;
  }
  // A job that a process held which is gone.
  void leave_behind(const std::string& resource, std::int64_t lost, milliseconds lease_left) {
    store::JobRow row = job(resource);
    row.id = ids_.make("job");
    row.state = "running";
    row.attempts = lost + 1;
    row.lost = lost;
    row.lease_owner = "another/1/x";
    row.lease_until = clock_.now() + lease_left;
    ASSERT_TRUE(database_->write([&](store::Transaction& t) { return store::insert_job(t, row); }));
  }
  void cancel(const std::string& resource) {
    ASSERT_TRUE(database_->write([&](store::Transaction& t) { return runner_->cancel(t, resource); }));
  }
  store::JobRow stored(const std::string& resource) {
    auto row = database_->read_for([&](store::Transaction& t) { return store::job_of_resource(t, resource); });
    return row && *row ? **row : store::JobRow{};
  }
  bool is_finished(const std::string& resource) {
    return eventually([&] { return stored(resource).state == "finished"; });
  }
  // Work that goes on until it is told to stop, and remembers why.
  auto until_stopped() {
    return [this](JobContext& context) -> JobOutcome {
      ++started_;
      std::mutex mutex;
      std::condition_variable_any changed;
      std::unique_lock lock(mutex);
      changed.wait_for(lock, context.stop_token(), std::chrono::seconds{20}, [] { return false; });
      reason_ = context.stop_reason();
      const bool is_shutdown = context.stop_reason() == StopReason::shutdown;
      return {.kind = is_shutdown ? JobOutcome::Kind::retry : JobOutcome::Kind::finished};
    };
  }

  testing::TempDir folder_;
  SystemClock clock_;
  testing::FakeRandom random_;
  IdGenerator ids_{clock_, random_};
  std::unique_ptr<store::Database> database_;
  JobRunnerSettings settings_;
  JobHandler handler_;
  std::atomic<int> started_ = 0;
  std::atomic<StopReason> reason_ = StopReason::none;
  std::unique_ptr<JobRunner> runner_;
};

TEST_F(JobRunnerTest, AnEnqueuedJobRunsOnceAndIsFinished) {
  start([&](JobContext& context) -> JobOutcome {
    EXPECT_EQ(context.job().resource_id, "scn_1");
    EXPECT_EQ(context.attempt(), 1);
    ++started_;
    return {};
  });

  enqueue("scn_1");

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(started_, 1);
}

TEST_F(JobRunnerTest, AJobOfARolledBackTransactionDoesNotRun) {
  start([&](JobContext&) -> JobOutcome {
    ++started_;
    return {};
  });

  (void)database_->write([&](store::Transaction& t) -> Result<void> {
    EXPECT_TRUE(runner_->enqueue(t, job("scn_1")));
    return Error(ErrorCode::cancelled, "no");
  });
  enqueue("scn_2");

  EXPECT_TRUE(is_finished("scn_2"));
  EXPECT_EQ(started_, 1);
}

TEST_F(JobRunnerTest, ManyJobsRunOnceEach) {
  std::mutex mutex;
  std::multiset<std::string> ran;
  settings_.runners = 4;
  start([&](JobContext& context) -> JobOutcome {
    const std::lock_guard lock(mutex);
    ran.insert(context.job().resource_id);
    return {};
  });

  for (int i = 0; i < 60; ++i) enqueue("scn_" + std::to_string(i));

  for (int i = 0; i < 60; ++i) ASSERT_TRUE(is_finished("scn_" + std::to_string(i)));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(ran.size(), 60U);
  EXPECT_EQ(ran.count("scn_7"), 1U);
}

TEST_F(JobRunnerTest, ACancellationReachesRunningWork) {
  start(until_stopped());
  enqueue("scn_1");
  ASSERT_TRUE(eventually([&] { return started_ == 1; }));

  cancel("scn_1");

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(reason_, StopReason::cancelled);
}

TEST_F(JobRunnerTest, ACancelledQueuedJobIsRunAtOnceToBeEnded) {
  start(until_stopped());
  ASSERT_TRUE(database_->write([&](store::Transaction& t) -> Result<void> {
    store::JobRow later = job("scn_1");
    later.due_at = clock_.now() + std::chrono::hours{1};
    return runner_->enqueue(t, later) ? Result<void>() : Error(ErrorCode::internal, "");
  }));

  cancel("scn_1");

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(reason_, StopReason::cancelled);
}

TEST_F(JobRunnerTest, WorkIsToldOfItsDeadline) {
  start(until_stopped());

  enqueue("scn_1", milliseconds{60});

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(reason_, StopReason::deadline);
}

TEST_F(JobRunnerTest, AShutdownPutsWorkBackAndTheNextRunnerGoesOn) {
  start(until_stopped());
  enqueue("scn_1");
  ASSERT_TRUE(eventually([&] { return started_ == 1; }));

  runner_->stop();

  EXPECT_EQ(reason_, StopReason::shutdown);
  EXPECT_EQ(stored("scn_1").state, "queued");
  EXPECT_EQ(stored("scn_1").lost, 0);
  std::int64_t attempt = 0;
  start([&](JobContext& context) -> JobOutcome {
    attempt = context.attempt();
    return {};
  });
  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(attempt, 2);
}

TEST_F(JobRunnerTest, WhatADeadProcessHeldIsTakenUpAtOnce) {
  leave_behind("scn_1", 0, std::chrono::hours{1});

  start([&](JobContext& context) -> JobOutcome {
    EXPECT_EQ(context.attempt(), 2);
    return {};
  });

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(stored("scn_1").lost, 1);
}

TEST_F(JobRunnerTest, OnASharedQueueTheLeaseOfAnotherIsWaitedFor) {
  settings_.queue = JobRunnerSettings::Queue::shared;
  leave_behind("scn_1", 0, milliseconds{80});
  const UnixMillis lease_end = *stored("scn_1").lease_until;
  std::atomic<bool> was_early = false;

  start([&](JobContext&) -> JobOutcome {
    was_early = clock_.now() < lease_end;
    return {};
  });

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_FALSE(was_early);
}

TEST_F(JobRunnerTest, AJobThatKeepsKillingTheProcessIsGivenUp) {
  leave_behind("scn_1", 2, std::chrono::hours{1});
  std::atomic<int> given_up = 0;
  handler_.give_up = [&](JobContext&) { ++given_up; };

  start([&](JobContext&) -> JobOutcome {
    ++started_;
    return {};
  });

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(given_up, 1);
  EXPECT_EQ(started_, 0);
}

TEST_F(JobRunnerTest, AnExceptionEndsTheJobWithAStatedReason) {
  std::atomic<int> given_up = 0;
  handler_.give_up = [&](JobContext&) { ++given_up; };

  start([](JobContext&) -> JobOutcome { throw std::runtime_error("a mistake"); });
  enqueue("scn_1");

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(given_up, 1);
}

TEST_F(JobRunnerTest, TheLeaseIsRenewedWhileTheWorkRuns) {
  settings_.lease = milliseconds{60};
  start(until_stopped());
  enqueue("scn_1");
  ASSERT_TRUE(eventually([&] { return started_ == 1; }));
  const UnixMillis first = *stored("scn_1").lease_until;

  EXPECT_TRUE(eventually([&] { return stored("scn_1").lease_until > first + milliseconds{100}; }));

  EXPECT_EQ(started_, 1);
  EXPECT_EQ(reason_, StopReason::none);
}

TEST_F(JobRunnerTest, WorkThatLostItsLeaseIsToldAndCannotWrite) {
  settings_.lease = milliseconds{60};
  std::atomic<bool> was_refused = false;
  std::atomic<bool> wrote = false;
  start([&](JobContext& context) -> JobOutcome {
    const JobOutcome outcome = until_stopped()(context);
    const auto done = context.write([&](store::Transaction&) -> Result<void> {
      wrote = true;
      return {};
    });
    was_refused = !done && done.error().code == ErrorCode::conflict;
    return outcome;
  });
  enqueue("scn_1");
  ASSERT_TRUE(eventually([&] { return started_ == 1; }));

  ASSERT_TRUE(database_->write([](store::Transaction& t) -> Result<void> {
    if (auto taken = t.execute("UPDATE jobs SET lease_owner = 'thief', lease_until = lease_until + 3600000"); !taken) {
      return taken.error();
    }
    return {};
  }));

  EXPECT_TRUE(eventually([&] { return was_refused.load(); }));
  EXPECT_EQ(reason_, StopReason::lease_lost);
  EXPECT_FALSE(wrote);
  EXPECT_EQ(stored("scn_1").lease_owner, "thief");
}

TEST_F(JobRunnerTest, AJobPutBackWithADelayRunsAgain) {
  start([&](JobContext&) -> JobOutcome {
    if (++started_ < 3) return {.kind = JobOutcome::Kind::retry, .delay = milliseconds{5}};
    return {};
  });

  enqueue("scn_1");

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(started_, 3);
}

TEST_F(JobRunnerTest, WorkThatWaitsForAnotherKindDoesNotHoldItsRunners) {
  handler_.run = [](JobContext&) -> JobOutcome { return {}; };
  handler_.give_up = [](JobContext&) {};
  JobHandler waiting{.run = [&](JobContext&) -> JobOutcome {
                       ++started_;
                       enqueue("scn_1");
                       EXPECT_TRUE(is_finished("scn_1"));
                       return {};
                     },
                     .give_up = [](JobContext&) {},
                     .runners = 1};
  settings_.runners = 1;
  runner_ = JobRunner::create(settings_, *database_, clock_, ids_, {{"scan", handler_}, {"run", waiting}});
  runner_->start();

  store::JobRow run = job("run_1");
  run.kind = "run";
  ASSERT_TRUE(database_->write_for([&](store::Transaction& t) { return runner_->enqueue(t, run); }));

  EXPECT_TRUE(is_finished("run_1"));
  EXPECT_EQ(started_, 1);
}

TEST_F(JobRunnerTest, AKindHasNoMoreRunnersThanItSays) {
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  handler_.runners = 2;
  settings_.runners = 6;
  start([&](JobContext& context) -> JobOutcome {
    const int now = ++at_once;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {}
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    changed.wait_for(lock, context.stop_token(), milliseconds{5}, [] { return false; });
    --at_once;
    return {};
  });

  for (int i = 0; i < 12; ++i) enqueue("scn_" + std::to_string(i));

  for (int i = 0; i < 12; ++i) ASSERT_TRUE(is_finished("scn_" + std::to_string(i)));
  EXPECT_LE(most, 2);
}

TEST_F(JobRunnerTest, APlaceThatBecomesFreeWakesWhatWaitsForIt) {
  start([&](JobContext&) -> JobOutcome {
    if (++started_ == 1) return {.kind = JobOutcome::Kind::retry, .delay = std::chrono::hours{1}};
    return {};
  });
  enqueue("scn_1");
  ASSERT_TRUE(eventually([&] { return started_ == 1 && stored("scn_1").state == "queued"; }));

  ASSERT_TRUE(database_->write([&](store::Transaction& t) { return runner_->make_due(t, "scan", ""); }));

  EXPECT_TRUE(is_finished("scn_1"));
  EXPECT_EQ(started_, 2);
}

}  // namespace
}  // namespace weir::jobs

#include "tests/unit/runs/runs_fixture.h"

namespace weir::tools::runs {
namespace {

using ::testing::HasSubstr;

class RunEndsTest : public RunToolsTest {
 protected:
  RunEndsTest() { add_agent("posture", playbook()); }
  void overdue(const std::string& id) {
    change_run(id, [&](store::RunRow& run) { run.deadline_at = clock_.now() - std::chrono::seconds{1}; });
  }
};

TEST_F(RunEndsTest, AQueuedRunIsCancelledAtOnce) {
  const std::string id = started();

  const Json run = call("cancel_run", {{"run_id", id}});

  EXPECT_EQ(run["status"], "cancelled");
  EXPECT_EQ(run["error"]["code"], "cancelled");
  EXPECT_TRUE(run["finished_at"].is_string());
  EXPECT_TRUE(run["deadline_at"].is_null());
  EXPECT_EQ(event_types(id), (std::vector<std::string>{"run.queued", "run.cancelled"}));
  EXPECT_EQ(call("cancel_run", {{"run_id", id}})["status"], "cancelled") << "a second time changes nothing";
}

TEST_F(RunEndsTest, ARunThatWaitsForAPersonIsCancelledWithItsCalls) {
  const std::string id = started();
  const std::string asked = ask(id);
  hold(id, {asked});

  EXPECT_EQ(call("cancel_run", {{"run_id", id}})["status"], "cancelled");

  EXPECT_EQ(call_row(id, asked).status, "skipped");
  EXPECT_TRUE(stored(id).required_action.is_null());
}

TEST_F(RunEndsTest, ARunningRunIsAskedToStop) {
  const std::string id = started();
  change_run(id, [](store::RunRow& run) { run.status = "running"; });
  must(database_->write_for([&](store::Transaction& t) {
    return store::claim_job(t, {.kind = kRunJobKind,
                                .owner = "somebody",
                                .now = clock_.now(),
                                .lease_until = clock_.now() + std::chrono::seconds{15}});
  }));

  const Json run = call("cancel_run", {{"run_id", id}});

  EXPECT_EQ(run["status"], "cancelling");
  EXPECT_EQ(event_types(id).back(), "run.cancelling");
  const auto job = must(database_->read_for([&](store::Transaction& t) { return store::job_of_resource(t, id); }));
  EXPECT_TRUE(job->is_cancel_requested);
  EXPECT_EQ(call("cancel_run", {{"run_id", id}})["status"], "cancelling");
}

TEST_F(RunEndsTest, ARunThatHadBegunAndIsExecutedByNobodyIsCancelledAtOnce) {
  const std::string id = started();
  change_run(id, [](store::RunRow& run) { run.status = "running"; });  // its job is in the queue again

  EXPECT_EQ(call("cancel_run", {{"run_id", id}})["status"], "cancelled");

  EXPECT_EQ(event_types(id).back(), "run.cancelled");
}

TEST_F(RunEndsTest, WhatHasEndedAndWhatIsAnothersCannotBeCancelled) {
  const std::string id = started();
  EXPECT_EQ(refusal_for(bob_, "cancel_run", {{"run_id", id}}).code, ErrorCode::not_found);
  end_run(id, "completed");

  const Error error = refusal("cancel_run", {{"run_id", id}});

  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr("completed already"));
}

TEST_F(RunEndsTest, RunsThatWaitedTooLongExpire) {
  const std::string queued = started();
  const std::string held = started();
  const std::string asked = ask(held);
  hold(held, {asked});
  const std::string running = started();
  change_run(running, [](store::RunRow& run) { run.status = "running"; });
  const std::string fresh = started();
  for (const std::string& id : {queued, held, running}) overdue(id);

  EXPECT_EQ(must(expire_overdue_runs(*services_)), 2);

  EXPECT_EQ(stored(queued).status, "expired");
  EXPECT_EQ(stored(queued).error_code, "queue_time_over");
  EXPECT_EQ(stored(held).status, "expired");
  EXPECT_EQ(stored(held).error_code, "approval_expired");
  EXPECT_EQ(call_row(held, asked).status, "skipped");
  EXPECT_EQ(event_types(held).back(), "run.expired");
  EXPECT_EQ(stored(running).status, "running") << "its job ends it";
  EXPECT_EQ(stored(fresh).status, "queued");
  EXPECT_EQ(must(expire_overdue_runs(*services_)), 0);
}

TEST_F(RunEndsTest, WhoeverLooksAtAnOverdueRunSeesItExpired) {
  const std::string id = started();
  overdue(id);

  EXPECT_EQ(call("get_run", {{"run_id", id}})["status"], "expired");
}

}  // namespace
}  // namespace weir::tools::runs

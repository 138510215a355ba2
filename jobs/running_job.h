// One claimed job while its work runs: what the work sees of it (JobContext), and what the lease keeper and a
// cancellation tell it.
#pragma once
#include <atomic>
#include <stop_token>
#include <string>

#include "jobs/job_context.h"
#include "store/database.h"

namespace weir::jobs {

// Shared by the runner's thread and the table of what runs; the thread lets go last. Thread-safe.
class RunningJob final : public JobContext {
 public:
  // The database and the clock must outlive the job.
  RunningJob(store::Database& database, const Clock& clock, store::JobRow job, std::chrono::milliseconds lease);
  RunningJob(const RunningJob&) = delete;
  RunningJob& operator=(const RunningJob&) = delete;

  [[nodiscard]] const store::JobRow& job() const override { return job_; }
  [[nodiscard]] std::int64_t attempt() const override { return job_.attempts; }
  [[nodiscard]] std::stop_token stop_token() const override { return stop_.get_token(); }
  [[nodiscard]] StopReason stop_reason() const override { return reason_; }
  Result<void> write(const std::function<Result<void>(store::Transaction&)>& body) override;

  // Only the first reason counts, except that a lost lease overrides all: such work must not write any more.
  void request_stop(StopReason reason);
  // Whether the job is ours in `transaction`, which extends the lease if half of it is over. False if it is no longer ours:
  // then the work is told to stop.
  Result<bool> prove(store::Transaction& transaction);
  // Extends the lease inside `transaction`. False if it is no longer ours: then the work is told to stop.
  Result<bool> renew(store::Transaction& transaction);
  // False once the lease has ended by our own clock.
  [[nodiscard]] bool has_lease() const { return clock_.now() < from_unix_ms(lease_until_ms_); }

 private:
  store::Database& database_;
  const Clock& clock_;
  const store::JobRow job_;
  const std::chrono::milliseconds lease_;
  std::atomic<std::int64_t> lease_until_ms_;
  std::atomic<StopReason> reason_ = StopReason::none;
  std::stop_source stop_;
};

}  // namespace weir::jobs

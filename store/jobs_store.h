// The queue of long work. A job is claimed with a lease, so that what a dead process held is found again.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct JobRow {
  std::string id;
  std::string kind;  // "scan", "run"
  std::string resource_id;
  std::string account_id;
  std::string state = "queued";  // queued running finished
  std::int64_t attempts = 0;     // claims so far
  std::int64_t lost = 0;         // claims that ended with their lease: the process died or lost its disk
  std::string lease_owner;       // "" while queued
  std::optional<UnixMillis> lease_until;
  bool is_cancel_requested = false;
  UnixMillis due_at{};       // not before
  UnixMillis deadline_at{};  // the work must have ended by then
  UnixMillis created_at{};
};

Result<void> insert_job(Transaction& transaction, const JobRow& job);
// Who claims, and until when it is theirs. Not thread-safe: a value.
struct JobClaim {
  std::string_view kind;
  std::string_view owner;
  UnixMillis now{};
  UnixMillis lease_until{};
};
// A job of the kind that is running under a lease that has ended, else the oldest due one that is queued; it becomes this
// owner's.
Result<std::optional<JobRow>> claim_job(Transaction& transaction, const JobClaim& claim);
// False if the job is no longer this owner's: then the work must stop without writing.
Result<bool> holds_lease(Transaction& transaction, std::string_view job_id, std::string_view owner);
// The same, and extends the lease.
Result<bool> renew_lease(Transaction& transaction, std::string_view job_id, std::string_view owner,
                         UnixMillis lease_until);
Result<bool> finish_job(Transaction& transaction, std::string_view job_id, std::string_view owner);
// Puts a claimed job back, due at `due_at` (a clean stop, a resource that is busy).
Result<bool> release_job(Transaction& transaction, std::string_view job_id, std::string_view owner, UnixMillis due_at);
// Also makes a queued job due at once, so that its work can end the resource.
Result<void> request_cancel(Transaction& transaction, std::string_view resource_id);
// Makes queued jobs of the account due that were put back for later, the oldest first, at most `count`: what they waited
// for is there. The number of jobs.
Result<std::int64_t> make_jobs_due(Transaction& transaction, std::string_view kind, std::string_view account_id,
                                   UnixMillis now, std::int64_t count);
Result<std::optional<JobRow>> job_of_resource(Transaction& transaction, std::string_view resource_id);
Result<std::optional<JobRow>> job_by_id(Transaction& transaction, std::string_view id);
// Ends the leases of all running jobs: for the start of the only process that owns the database, which knows that whoever
// held them is gone. The number of jobs.
Result<std::int64_t> end_all_leases(Transaction& transaction, UnixMillis now);
Result<std::int64_t> count_queued_jobs(Transaction& transaction);
// The earliest time at which some job of the kind will be claimable, nothing if there is none.
Result<std::optional<UnixMillis>> next_job_due(Transaction& transaction, std::string_view kind);

}  // namespace weir::store

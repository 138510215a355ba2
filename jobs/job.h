// The rules of a job's life, without a database or a clock: which moves its state may make, when its work must stop and
// when it is given up. store/jobs_store makes the same moves in SQL; a test holds the two together.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "jobs/job_context.h"
#include "store/jobs_store.h"

namespace weir::jobs {

enum class JobState : std::uint8_t { queued, running, finished };
// reclaim: the lease has ended without a word of its owner.
enum class JobMove : std::uint8_t { claim, reclaim, renew, release, finish };

std::string_view to_string(JobState state);
std::optional<JobState> job_state_from(std::string_view name);

// The state after the move; nothing if a job in `from` cannot make it.
std::optional<JobState> after(JobState from, JobMove move);

// Why the job's work must stop at `now`, apart from what only the running process knows.
StopReason stop_reason_at(const store::JobRow& job, UnixMillis now);

// True if the job has taken its process down so often that it is not run again.
bool is_given_up(const store::JobRow& job, std::int64_t attempts_max);

// How long to wait for something due at `due` (nothing: nothing is due), at most `longest`: a wall clock may be set.
std::chrono::milliseconds wait_until_due(std::optional<UnixMillis> due, UnixMillis now,
                                         std::chrono::milliseconds longest);

}  // namespace weir::jobs

#include "jobs/job.h"

#include <algorithm>

namespace weir::jobs {

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::queued: return "queued";
    case JobState::running: return "running";
    case JobState::finished: return "finished";
  }
  return "";
}

std::optional<JobState> job_state_from(std::string_view name) {
  for (const JobState state : {JobState::queued, JobState::running, JobState::finished}) {
    if (to_string(state) == name) return state;
  }
  return std::nullopt;
}

std::optional<JobState> after(JobState from, JobMove move) {
  if (from == JobState::queued && move == JobMove::claim) return JobState::running;
  if (from != JobState::running) return std::nullopt;
  switch (move) {
    case JobMove::claim: return std::nullopt;
    case JobMove::reclaim:
    case JobMove::renew: return JobState::running;
    case JobMove::release: return JobState::queued;
    case JobMove::finish: return JobState::finished;
  }
  return std::nullopt;
}

StopReason stop_reason_at(const store::JobRow& job, UnixMillis now) {
  if (job.is_cancel_requested) return StopReason::cancelled;
  if (now >= job.deadline_at) return StopReason::deadline;
  return StopReason::none;
}

bool is_given_up(const store::JobRow& job, std::int64_t attempts_max) { return job.lost >= attempts_max; }

std::chrono::milliseconds wait_until_due(std::optional<UnixMillis> due, UnixMillis now,
                                         std::chrono::milliseconds longest) {
  if (!due) return longest;
  return std::clamp(*due - now, std::chrono::milliseconds{0}, longest);
}

}  // namespace weir::jobs

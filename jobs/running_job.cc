#include "jobs/running_job.h"

namespace weir::jobs {

RunningJob::RunningJob(store::Database& database, const Clock& clock, store::JobRow job,
                       std::chrono::milliseconds lease)
    : database_(database),
      clock_(clock),
      job_(std::move(job)),
      lease_(lease),
      lease_until_ms_(to_unix_ms(job_.lease_until.value_or(clock.now()))) {}

Result<bool> RunningJob::prove(store::Transaction& transaction) {
  const std::int64_t left_ms = lease_until_ms_ - to_unix_ms(clock_.now());
  if (left_ms < lease_.count() / 2) return renew(transaction);
  auto is_ours = store::holds_lease(transaction, job_.id, job_.lease_owner);
  if (is_ours && !*is_ours) request_stop(StopReason::lease_lost);
  return is_ours;
}

Result<bool> RunningJob::renew(store::Transaction& transaction) {
  const UnixMillis until = clock_.now() + lease_;
  auto is_ours = store::renew_lease(transaction, job_.id, job_.lease_owner, until);
  if (!is_ours) return is_ours;
  if (!*is_ours) {
    request_stop(StopReason::lease_lost);
    return false;
  }
  transaction.on_commit([this, until] { lease_until_ms_ = to_unix_ms(until); });
  return true;
}

Result<void> RunningJob::write(const std::function<Result<void>(store::Transaction&)>& body) {
  return database_.write([&](store::Transaction& transaction) -> Result<void> {
    // Nobody else can take the job until this commits: writers take turns.
    auto is_ours = prove(transaction);
    if (!is_ours) return std::move(is_ours).error();
    if (!*is_ours) {
      return Error(ErrorCode::conflict, "the job " + job_.id + " is not ours any more: another runner has taken it up");
    }
    return body(transaction);
  });
}

void RunningJob::request_stop(StopReason reason) {
  StopReason none = StopReason::none;
  if (!reason_.compare_exchange_strong(none, reason) && reason == StopReason::lease_lost) reason_ = reason;
  stop_.request_stop();
}

}  // namespace weir::jobs

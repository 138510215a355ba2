#include "store/jobs_store.h"

#include "store/columns.h"

namespace weir::store {
namespace {

constexpr std::string_view kJobColumns =
    "id, kind, resource_id, account_id, state, attempts, lost, lease_owner, lease_until, is_cancel_requested, due_at, "
    "deadline_at, created_at";

JobRow job_from(const Row& row) {
  return {.id = row.text(0),
          .kind = row.text(1),
          .resource_id = row.text(2),
          .account_id = row.text(3),
          .state = row.text(4),
          .attempts = row.integer(5),
          .lost = row.integer(6),
          .lease_owner = row.text(7),
          .lease_until = optional_time_in(row, 8),
          .is_cancel_requested = row.integer(9) != 0,
          .due_at = time_in(row, 10),
          .deadline_at = time_in(row, 11),
          .created_at = time_in(row, 12)};
}

std::string with_columns(std::string_view before, std::string_view after) {
  return std::string(before).append(kJobColumns).append(after);
}

}  // namespace

Result<void> insert_job(Transaction& transaction, const JobRow& job) {
  return done(transaction.execute(
      with_columns("INSERT INTO jobs (", ") VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13)"),
      {job.id, job.kind, job.resource_id, job.account_id, job.state, job.attempts, job.lost, job.lease_owner,
       time_value(job.lease_until), flag_value(job.is_cancel_requested), time_value(job.due_at),
       time_value(job.deadline_at), time_value(job.created_at)}));
}

Result<std::optional<JobRow>> claim_job(Transaction& transaction, const JobClaim& claim) {
  // Two questions that an index answers each; as one, with OR, all that are due would be sorted for each claim.
  const std::string locked(skip_locked(transaction));
  return first_row(
      transaction.query(
          with_columns("UPDATE jobs SET lost = lost + CASE state WHEN 'running' THEN 1 ELSE 0 END, state = 'running', "
                       "attempts = attempts + 1, lease_owner = :1, lease_until = :2 WHERE id = COALESCE("
                       "(SELECT id FROM jobs WHERE kind = :4 AND state = 'running' AND lease_until <= :3 "
                       "ORDER BY due_at, id LIMIT 1" +
                           locked +
                           "), (SELECT id FROM jobs WHERE kind = :4 AND state = 'queued' AND due_at <= :3 "
                           "ORDER BY due_at, id LIMIT 1" +
                           locked + ")) RETURNING ",
                       ""),
          {text_value(claim.owner), time_value(claim.lease_until), time_value(claim.now), text_value(claim.kind)}),
      job_from);
}

Result<bool> holds_lease(Transaction& transaction, std::string_view job_id, std::string_view owner) {
  auto found = only_integer(
      transaction.query("SELECT COUNT(*) FROM jobs WHERE id = :1 AND lease_owner = :2 AND state = 'running'",
                        {text_value(job_id), text_value(owner)}));
  if (!found) return std::move(found).error();
  return *found > 0;
}

Result<bool> renew_lease(Transaction& transaction, std::string_view job_id, std::string_view owner,
                         UnixMillis lease_until) {
  return changed_any(
      transaction.execute("UPDATE jobs SET lease_until = :1 WHERE id = :2 AND lease_owner = :3 AND state = 'running'",
                          {time_value(lease_until), text_value(job_id), text_value(owner)}));
}

Result<bool> finish_job(Transaction& transaction, std::string_view job_id, std::string_view owner) {
  return changed_any(transaction.execute(
      "UPDATE jobs SET state = 'finished', lease_until = NULL WHERE id = :1 AND lease_owner = :2 AND state = 'running'",
      {text_value(job_id), text_value(owner)}));
}

Result<bool> release_job(Transaction& transaction, std::string_view job_id, std::string_view owner, UnixMillis due_at) {
  return changed_any(
      transaction.execute("UPDATE jobs SET state = 'queued', lease_owner = '', lease_until = NULL, due_at = :1 "
                          "WHERE id = :2 AND lease_owner = :3 AND state = 'running'",
                          {time_value(due_at), text_value(job_id), text_value(owner)}));
}

Result<void> request_cancel(Transaction& transaction, std::string_view resource_id) {
  return done(transaction.execute(
      "UPDATE jobs SET is_cancel_requested = 1, due_at = CASE state WHEN 'queued' THEN created_at ELSE due_at END "
      "WHERE resource_id = :1 AND state <> 'finished'",
      {text_value(resource_id)}));
}

Result<std::int64_t> make_jobs_due(Transaction& transaction, std::string_view kind, std::string_view account_id,
                                   UnixMillis now, std::int64_t count) {
  // Ids are in the order of making.
  return transaction.execute(
      "UPDATE jobs SET due_at = :1 WHERE id IN (SELECT id FROM jobs WHERE kind = :2 AND state = 'queued' "
      "AND due_at > :3 AND account_id = :4 ORDER BY id LIMIT :5)",
      {time_value(now), text_value(kind), time_value(now), text_value(account_id), count});
}

Result<std::optional<JobRow>> job_of_resource(Transaction& transaction, std::string_view resource_id) {
  return first_row(transaction.query(with_columns("SELECT ",
                                                  " FROM jobs WHERE resource_id = :1 "
                                                  "ORDER BY id DESC LIMIT 1"),
                                     {text_value(resource_id)}),
                   job_from);
}

Result<std::optional<JobRow>> job_by_id(Transaction& transaction, std::string_view id) {
  return first_row(transaction.query(with_columns("SELECT ", " FROM jobs WHERE id = :1"), {text_value(id)}), job_from);
}

Result<std::int64_t> end_all_leases(Transaction& transaction, UnixMillis now) {
  return transaction.execute("UPDATE jobs SET lease_until = :1 WHERE state = 'running'", {time_value(now)});
}

Result<std::int64_t> count_queued_jobs(Transaction& transaction) {
  return only_integer(transaction.query("SELECT COUNT(*) FROM jobs WHERE state = 'queued'"));
}

Result<std::optional<UnixMillis>> next_job_due(Transaction& transaction, std::string_view kind) {
  // The first is a lookup at the start of an index; of running jobs there are few.
  auto times = transaction.query(
      "SELECT (SELECT MIN(due_at) FROM jobs WHERE kind = :1 AND state = 'queued'), "
      "(SELECT MIN(lease_until) FROM jobs WHERE kind = :2 AND state = 'running')",
      {text_value(kind), text_value(kind)});
  if (!times) return std::move(times).error();
  std::optional<UnixMillis> due;
  for (const std::size_t column : {0U, 1U}) {
    const auto time = optional_time_in(times->front(), column);
    if (time && (!due || *time < *due)) due = time;
  }
  return due;
}

}  // namespace weir::store

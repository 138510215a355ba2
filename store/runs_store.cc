#include "store/runs_store.h"

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

constexpr std::string_view kNoRun = "there is no such run: list the runs to see their ids";

constexpr std::string_view kRunColumns =
    "id, account_id, created_by_key, agent_id, agent_version, snapshot, input, previous_run_id, parent_run_id, status, "
    "incomplete_reason, required_action, output, usage, limits, error_code, error_message, started_by, is_tainted, "
    "active_ms, queued_at, started_at, finished_at, deadline_at, updated_at";

RunRow run_from(const Row& row) {
  return {.id = row.text(0),
          .account_id = row.text(1),
          .created_by_key = row.text(2),
          .agent_id = row.text(3),
          .agent_version = row.integer(4),
          .snapshot = row.json(5),
          .input = row.json(6),
          .previous_run_id = row.optional_text(7),
          .parent_run_id = row.optional_text(8),
          .status = row.text(9),
          .incomplete_reason = row.optional_text(10),
          .required_action = row.json(11),
          .output = row.json(12),
          .usage = row.json(13),
          .limits = row.json(14),
          .error_code = row.optional_text(15),
          .error_message = row.optional_text(16),
          .trigger = row.text(17),
          .is_tainted = row.integer(18) != 0,
          .active_ms = row.integer(19),
          .queued_at = time_in(row, 20),
          .started_at = optional_time_in(row, 21),
          .finished_at = optional_time_in(row, 22),
          .deadline_at = time_in(row, 23),
          .updated_at = time_in(row, 24)};
}

SqlText select_runs(std::string_view where, std::string_view value) {
  SqlText sql("SELECT ");
  sql.add(kRunColumns).add(" FROM runs WHERE ").add(where, text_value(value));
  return sql;
}

RunStepRow step_from(const Row& row) {
  return {.run_id = row.text(0),
          .step_id = row.text(1),
          .position = row.integer(2),
          .tool = row.text(3),
          .status = row.text(4),
          .result = row.json(5),
          .error = row.json(6),
          .attempts = row.integer(7),
          .is_tainted = row.integer(8) != 0,
          .started_at = time_in(row, 9),
          .finished_at = optional_time_in(row, 10)};
}

RunMessageRow message_from(const Row& row) {
  return {.run_id = row.text(0),
          .position = row.integer(1),
          .role = row.text(2),
          .content = row.json(3),
          .created_at = time_in(row, 4)};
}

RunAttemptRow attempt_from(const Row& row) {
  return {.run_id = row.text(0),
          .subject = row.text(1),
          .n = row.integer(2),
          .outcome = row.text(3),
          .detail = row.text(4),
          .started_at = time_in(row, 5),
          .finished_at = time_in(row, 6)};
}

}  // namespace

bool is_terminal_run_status(std::string_view status) {
  return status == "completed" || status == "failed" || status == "cancelled" || status == "incomplete" ||
         status == "expired";
}

Result<void> insert_run(Transaction& transaction, const RunRow& run) {
  const std::string sql = std::string("INSERT INTO runs (")
                              .append(kRunColumns)
                              .append(
                                  ") VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15, :16, "
                                  ":17, :18, :19, :20, :21, :22, "
                                  ":23, :24, :25)");
  return done(transaction.execute(sql, {run.id,
                                        run.account_id,
                                        run.created_by_key,
                                        run.agent_id,
                                        run.agent_version,
                                        to_text(run.snapshot),
                                        to_text(run.input),
                                        optional_value(run.previous_run_id),
                                        optional_value(run.parent_run_id),
                                        run.status,
                                        optional_value(run.incomplete_reason),
                                        json_value(run.required_action),
                                        json_value(run.output),
                                        to_text(run.usage),
                                        to_text(run.limits),
                                        optional_value(run.error_code),
                                        optional_value(run.error_message),
                                        run.trigger,
                                        flag_value(run.is_tainted),
                                        run.active_ms,
                                        time_value(run.queued_at),
                                        time_value(run.started_at),
                                        time_value(run.finished_at),
                                        time_value(run.deadline_at),
                                        time_value(run.updated_at)}));
}

Result<RunRow> run_by_id(Transaction& transaction, std::string_view account_id, std::string_view id) {
  SqlText sql = select_runs("id = ", id);
  sql.add(" AND account_id = ", text_value(account_id));
  return only_row(std::move(sql).query(transaction), run_from, kNoRun);
}

Result<RunRow> run_for_job(Transaction& transaction, std::string_view id) {
  return only_row(select_runs("id = ", id).query(transaction), run_from, kNoRun);
}

Result<Page<RunRow>> list_runs(Transaction& transaction, const RunFilter& filter, const PageRequest& page) {
  SqlText sql = select_runs("account_id = ", filter.account_id);
  if (!filter.agent_id.empty()) sql.add(" AND agent_id = ", filter.agent_id);
  if (!filter.status.empty()) sql.add(" AND status = ", filter.status);
  if (!page.after_id.empty()) sql.add(" AND id < ", page.after_id);
  sql.add(" ORDER BY id DESC LIMIT ", page_limit(page) + 1);
  auto runs = each_row(std::move(sql).query(transaction), run_from);
  if (!runs) return std::move(runs).error();
  return page_of(std::move(*runs), page_limit(page), [](const RunRow& run) { return run.id; });
}

Result<void> update_run_use(Transaction& transaction, std::string_view id, const RunUse& use) {
  // Not NOT IN, for whose list SQLite would make a table of its own each time.
  auto changed = transaction.execute(
      "UPDATE runs SET usage = :1, is_tainted = :2, active_ms = :3, updated_at = :4 WHERE id = :5 AND status <> "
      "'completed' AND status <> 'failed' AND status <> 'cancelled' AND status <> 'incomplete' AND status <> 'expired'",
      {to_text(use.usage), flag_value(use.is_tainted), use.active_ms, time_value(use.updated_at), text_value(id)});
  if (!changed) return std::move(changed).error();
  if (*changed > 0) return {};
  auto stored = run_for_job(transaction, id);
  if (!stored) return std::move(stored).error();
  return Error(ErrorCode::conflict, "the run " + stored->id + " is " + stored->status + " already");
}

Result<void> update_run(Transaction& transaction, const RunRow& run, const std::vector<std::string>& from) {
  CHECK(!from.empty(), "update_run needs the statuses from which it may move");
  SqlText sql("UPDATE runs SET status = ");
  sql.add("", run.status).add(", incomplete_reason = ", optional_value(run.incomplete_reason));
  sql.add(", required_action = ", json_value(run.required_action)).add(", output = ", json_value(run.output));
  sql.add(", usage = ", to_text(run.usage)).add(", limits = ", to_text(run.limits));
  sql.add(", error_code = ", optional_value(run.error_code));
  sql.add(", error_message = ", optional_value(run.error_message));
  sql.add(", is_tainted = ", flag_value(run.is_tainted)).add(", active_ms = ", run.active_ms);
  sql.add(", started_at = ", time_value(run.started_at)).add(", finished_at = ", time_value(run.finished_at));
  sql.add(", deadline_at = ", time_value(run.deadline_at)).add(", updated_at = ", time_value(run.updated_at));
  sql.add(" WHERE id = ", run.id).add_one_of("status", from);
  auto changed = std::move(sql).execute(transaction);
  if (!changed) return std::move(changed).error();
  if (*changed > 0) return {};

  auto stored = run_for_job(transaction, run.id);
  if (!stored) return std::move(stored).error();
  return Error(ErrorCode::conflict, "the run is already " + stored->status + " and cannot become " + run.status);
}

Result<std::int64_t> count_runs(Transaction& transaction, std::string_view account_id,
                                const std::vector<std::string>& statuses) {
  SqlText sql("SELECT COUNT(*) FROM runs WHERE account_id = ");
  sql.add("", text_value(account_id)).add_list(" AND status IN ", statuses);
  return only_integer(std::move(sql).query(transaction));
}

Result<std::vector<std::pair<std::string, std::int64_t>>> count_runs_by_status(Transaction& transaction) {
  return each_row(transaction.query("SELECT status, COUNT(*) FROM runs GROUP BY status ORDER BY status"),
                  [](const Row& row) { return std::pair(row.text(0), row.integer(1)); });
}

Result<std::vector<RunRow>> overdue_runs(Transaction& transaction, std::string_view status, UnixMillis now,
                                         std::int64_t limit) {
  SqlText sql = select_runs("status = ", status);
  sql.add(" AND deadline_at <= ", time_value(now)).add(" ORDER BY deadline_at, id LIMIT ", limit);
  return each_row(std::move(sql).query(transaction), run_from);
}

Result<void> put_run_step(Transaction& transaction, const RunStepRow& step) {
  return done(transaction.execute(
      "INSERT INTO run_steps (run_id, step_id, position, tool, status, result, error, attempts, is_tainted, "
      "started_at, "
      "finished_at) VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11) "
      "ON CONFLICT (run_id, step_id) DO UPDATE SET position = excluded.position, tool = excluded.tool, "
      "status = excluded.status, result = excluded.result, error = excluded.error, attempts = excluded.attempts, "
      "is_tainted = excluded.is_tainted, started_at = excluded.started_at, finished_at = excluded.finished_at",
      {step.run_id, step.step_id, step.position, step.tool, step.status, json_value(step.result),
       json_value(step.error), step.attempts, flag_value(step.is_tainted), time_value(step.started_at),
       time_value(step.finished_at)}));
}

Result<std::vector<RunStepRow>> run_steps(Transaction& transaction, std::string_view run_id) {
  return run_steps_with(transaction, run_id, "");
}

Result<std::vector<RunStepRow>> run_steps_with(Transaction& transaction, std::string_view run_id,
                                               std::string_view status) {
  SqlText sql(
      "SELECT run_id, step_id, position, tool, status, result, error, attempts, is_tainted, started_at, "
      "finished_at FROM run_steps WHERE run_id = ");
  sql.add("", text_value(run_id));
  if (!status.empty()) sql.add(" AND status = ", text_value(status));
  sql.add(" ORDER BY position, step_id");
  return each_row(std::move(sql).query(transaction), step_from);
}

Result<std::int64_t> append_run_message(Transaction& transaction, const RunMessageRow& message) {
  return only_integer(transaction.query(
      "INSERT INTO run_messages (run_id, position, role, content, created_at) VALUES (:1, "
      "(SELECT COALESCE(MAX(position) + 1, 0) FROM run_messages WHERE run_id = :2), :3, :4, :5) RETURNING position",
      {message.run_id, message.run_id, message.role, to_text(message.content), time_value(message.created_at)}));
}

Result<std::vector<RunMessageRow>> run_messages(Transaction& transaction, std::string_view run_id) {
  return each_row(transaction.query("SELECT run_id, position, role, content, created_at FROM run_messages "
                                    "WHERE run_id = :1 ORDER BY position",
                                    {text_value(run_id)}),
                  message_from);
}

Result<void> append_run_attempt(Transaction& transaction, const RunAttemptRow& attempt) {
  return done(transaction.execute(
      "INSERT INTO run_attempts (run_id, position, subject, n, outcome, detail, started_at, finished_at) VALUES (:1, "
      "(SELECT COALESCE(MAX(position) + 1, 0) FROM run_attempts WHERE run_id = :2), :3, :4, :5, :6, :7, :8)",
      {attempt.run_id, attempt.run_id, attempt.subject, attempt.n, attempt.outcome, attempt.detail,
       time_value(attempt.started_at), time_value(attempt.finished_at)}));
}

Result<std::vector<RunAttemptRow>> run_attempts(Transaction& transaction, std::string_view run_id) {
  return each_row(transaction.query("SELECT run_id, subject, n, outcome, detail, started_at, finished_at "
                                    "FROM run_attempts WHERE run_id = :1 ORDER BY position",
                                    {text_value(run_id)}),
                  attempt_from);
}

}  // namespace weir::store

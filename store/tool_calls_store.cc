#include "store/columns.h"
#include "store/runs_store.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

constexpr std::string_view kCallColumns =
    "id, run_id, call_key, position, step_id, name, source, arguments, arguments_sha256, status, approval, result, "
    "summary, error, is_error, is_tainted, attempts, created_at, started_at, finished_at";

ToolCallRow call_from(const Row& row) {
  return {.id = row.text(0),
          .run_id = row.text(1),
          .call_key = row.text(2),
          .position = row.integer(3),
          .step_id = row.text(4),
          .name = row.text(5),
          .source = row.text(6),
          .arguments = row.json(7),
          .arguments_sha256 = row.text(8),
          .status = row.text(9),
          .approval = row.json(10),
          .result = row.json(11),
          .summary = row.text(12),
          .error = row.json(13),
          .is_error = row.integer(14) != 0,
          .is_tainted = row.integer(15) != 0,
          .attempts = row.integer(16),
          .created_at = time_in(row, 17),
          .started_at = optional_time_in(row, 18),
          .finished_at = optional_time_in(row, 19)};
}

SqlText select_calls(std::string_view run_id) {
  SqlText sql("SELECT ");
  sql.add(kCallColumns).add(" FROM tool_calls WHERE run_id = ", text_value(run_id));
  return sql;
}

}  // namespace

Result<void> insert_tool_call(Transaction& transaction, const ToolCallRow& call) {
  const std::string sql = std::string("INSERT INTO tool_calls (")
                              .append(kCallColumns)
                              .append(
                                  ") VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15, :16, "
                                  ":17, :18, :19, :20) ON CONFLICT (run_id, call_key) DO NOTHING");
  auto added = transaction.execute(sql, {call.id,
                                         call.run_id,
                                         call.call_key,
                                         call.position,
                                         call.step_id,
                                         call.name,
                                         call.source,
                                         to_text(call.arguments),
                                         call.arguments_sha256,
                                         call.status,
                                         json_value(call.approval),
                                         json_value(call.result),
                                         call.summary,
                                         json_value(call.error),
                                         flag_value(call.is_error),
                                         flag_value(call.is_tainted),
                                         call.attempts,
                                         time_value(call.created_at),
                                         time_value(call.started_at),
                                         time_value(call.finished_at)});
  if (!added) return std::move(added).error();
  if (*added == 0) {
    return Error(ErrorCode::conflict, "the run " + call.run_id + " has made the call " + call.call_key + " already");
  }
  return {};
}

Result<void> update_tool_call(Transaction& transaction, const ToolCallRow& call, const std::vector<std::string>& from) {
  CHECK(!from.empty(), "update_tool_call needs the statuses from which it may move");
  SqlText sql("UPDATE tool_calls SET status = ");
  sql.add("", call.status).add(", arguments = ", to_text(call.arguments));
  sql.add(", arguments_sha256 = ", call.arguments_sha256).add(", approval = ", json_value(call.approval));
  sql.add(", result = ", json_value(call.result)).add(", summary = ", call.summary);
  sql.add(", error = ", json_value(call.error)).add(", is_error = ", flag_value(call.is_error));
  sql.add(", is_tainted = ", flag_value(call.is_tainted)).add(", attempts = ", call.attempts);
  sql.add(", started_at = ", time_value(call.started_at)).add(", finished_at = ", time_value(call.finished_at));
  sql.add(" WHERE id = ", call.id).add_one_of("status", from);
  auto changed = std::move(sql).execute(transaction);
  if (!changed) return std::move(changed).error();
  if (*changed > 0) return {};

  auto stored = tool_call_by_id(transaction, call.run_id, call.id);
  if (!stored) return std::move(stored).error();
  if (!*stored) return Error(ErrorCode::not_found, "the run " + call.run_id + " has no tool call " + call.id);
  return Error(ErrorCode::conflict,
               "the tool call is already " + (*stored)->status + " and cannot become " + call.status);
}

Result<std::vector<ToolCallRow>> tool_calls_of(Transaction& transaction, std::string_view run_id) {
  SqlText sql = select_calls(run_id);
  sql.add(" ORDER BY position, id");
  return each_row(std::move(sql).query(transaction), call_from);
}

Result<std::vector<ToolCallRow>> tool_calls_with(Transaction& transaction, std::string_view run_id,
                                                 const std::vector<std::string>& statuses) {
  SqlText sql = select_calls(run_id);
  sql.add_one_of("status", statuses).add(" ORDER BY position, id");
  return each_row(std::move(sql).query(transaction), call_from);
}

Result<std::optional<ToolCallRow>> tool_call_by_key(Transaction& transaction, std::string_view run_id,
                                                    std::string_view key) {
  SqlText sql = select_calls(run_id);
  sql.add(" AND call_key = ", text_value(key));
  return first_row(std::move(sql).query(transaction), call_from);
}

Result<std::optional<ToolCallRow>> tool_call_by_id(Transaction& transaction, std::string_view run_id,
                                                   std::string_view id) {
  SqlText sql = select_calls(run_id);
  sql.add(" AND id = ", text_value(id));
  return first_row(std::move(sql).query(transaction), call_from);
}

}  // namespace weir::store

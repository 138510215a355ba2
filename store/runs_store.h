// Runs of agents: their state, steps, tool calls, messages and attempts. Rows only; who may move a run where is
// tools/runs's.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/database.h"
#include "store/leases.h"

namespace weir::store {

// A queued run holds no place, nor one that waits for a person.
inline constexpr LeaseTable kRunLeases{.name = "runs", .active = "'running', 'cancelling'"};

// Not thread-safe: a value.
struct RunRow {
  std::string id;
  std::string account_id;
  std::string created_by_key;  // whose budget and scopes the run uses
  std::string agent_id;
  std::int64_t agent_version = 1;
  Json snapshot = Json::object();  // {slug, name, definition} as they were
  Json input = Json::object();
  std::optional<std::string> previous_run_id;    // whose messages it goes on from
  std::optional<std::string> parent_run_id;      // which it replays
  std::string status = "queued";                 // queued running requires_action cancelling, completed failed
                                                 // cancelled incomplete expired
  std::optional<std::string> incomplete_reason;  // max_steps max_tokens max_cost max_tool_calls context_window
                                                 // model_refusal
  Json required_action;                          // null, or {type, tool_call_ids, expires_at}
  Json output;                                   // null until there is one
  Json usage = Json::object();
  Json limits = Json::object();
  std::optional<std::string> error_code;
  std::optional<std::string> error_message;
  std::string trigger = "api";  // api, mcp, cli, replay
  bool is_tainted = false;      // holds text that others wrote
  std::int64_t active_ms = 0;
  UnixMillis queued_at{};
  std::optional<UnixMillis> started_at;
  std::optional<UnixMillis> finished_at;
  // While queued: when it is given up. While running: when its wall time ends. In requires_action: when the approval
  // expires.
  UnixMillis deadline_at{};
  UnixMillis updated_at{};
};

// completed, failed, cancelled, incomplete and expired: nothing moves a run out of these.
bool is_terminal_run_status(std::string_view status);

// Not thread-safe: a value.
struct RunStepRow {
  std::string run_id;
  std::string step_id;
  std::int64_t position = 0;
  std::string tool;
  std::string status = "running";  // running completed failed skipped
  Json result;                     // null until it has one
  Json error;                      // null, or {code, message}
  std::int64_t attempts = 1;
  bool is_tainted = false;
  UnixMillis started_at{};
  std::optional<UnixMillis> finished_at;
};

// Not thread-safe: a value.
struct ToolCallRow {
  std::string id;  // tcl_
  std::string run_id;
  std::string call_key;  // unique in the run
  std::int64_t position = 0;
  std::string step_id;
  std::string name;
  std::string source = "builtin";  // builtin, mcp:<alias>
  Json arguments = Json::object();
  std::string arguments_sha256;    // of to_text(arguments), hex
  std::string status = "pending";  // pending awaiting_approval running completed failed denied
                                   // timed_out skipped
  Json approval;                   // null, or {required_by, reason, decision, decided_by, decided_at,
                                   // deny_reason, edited_arguments}
  Json result;                     // null, or capped
  std::string summary;
  Json error;  // null, or {code, message}
  bool is_error = false;
  bool is_tainted = false;
  std::int64_t attempts = 0;
  UnixMillis created_at{};
  std::optional<UnixMillis> started_at;
  std::optional<UnixMillis> finished_at;
};

struct RunMessageRow {
  std::string run_id;
  std::int64_t position = 0;
  std::string role;  // user, assistant, tool
  Json content;
  UnixMillis created_at{};
};

struct RunAttemptRow {
  std::string run_id;
  std::string subject;  // "model", or a tool call's id
  std::int64_t n = 1;
  std::string outcome;  // ok, or an error's code
  std::string detail;
  UnixMillis started_at{};
  UnixMillis finished_at{};
};

struct RunFilter {
  std::string account_id;
  std::string agent_id;  // "" : any
  std::string status;    // "" : any
};

Result<void> insert_run(Transaction& transaction, const RunRow& run);
// Returns not_found if there is none or it belongs to another account.
Result<RunRow> run_by_id(Transaction& transaction, std::string_view account_id, std::string_view id);
// For the job that runs it: whatever the account.
Result<RunRow> run_for_job(Transaction& transaction, std::string_view id);
// Newest first.
Result<Page<RunRow>> list_runs(Transaction& transaction, const RunFilter& filter, const PageRequest& page);
// What a run has used so far. Not thread-safe: a value.
struct RunUse {
  Json usage = Json::object();
  bool is_tainted = false;
  std::int64_t active_ms = 0;
  UnixMillis updated_at{};
};
// Writes these columns alone: it is what each step of a run changes. Returns conflict if the run has ended.
Result<void> update_run_use(Transaction& transaction, std::string_view id, const RunUse& use);
// Writes every column that can change, if the stored status is one of `from`; conflict if it is another.
Result<void> update_run(Transaction& transaction, const RunRow& run, const std::vector<std::string>& from);
// Of the account, in one of the statuses.
Result<std::int64_t> count_runs(Transaction& transaction, std::string_view account_id,
                                const std::vector<std::string>& statuses);
// Of all accounts: (status, how many), only those that there are.
Result<std::vector<std::pair<std::string, std::int64_t>>> count_runs_by_status(Transaction& transaction);
// Runs in `status` whose deadline has passed, the oldest first, at most `limit`.
Result<std::vector<RunRow>> overdue_runs(Transaction& transaction, std::string_view status, UnixMillis now,
                                         std::int64_t limit);

Result<void> put_run_step(Transaction& transaction, const RunStepRow& step);                   // inserts or replaces
Result<std::vector<RunStepRow>> run_steps(Transaction& transaction, std::string_view run_id);  // by position
// Those of them that have `status`.
Result<std::vector<RunStepRow>> run_steps_with(Transaction& transaction, std::string_view run_id,
                                               std::string_view status);

// Returns conflict if the run has a call of that key.
Result<void> insert_tool_call(Transaction& transaction, const ToolCallRow& call);
// Writes every column that can change, if the stored status is one of `from`; conflict if it is another.
Result<void> update_tool_call(Transaction& transaction, const ToolCallRow& call, const std::vector<std::string>& from);
Result<std::vector<ToolCallRow>> tool_calls_of(Transaction& transaction, std::string_view run_id);  // by position
// Those of them that have one of `statuses`.
Result<std::vector<ToolCallRow>> tool_calls_with(Transaction& transaction, std::string_view run_id,
                                                 const std::vector<std::string>& statuses);
Result<std::optional<ToolCallRow>> tool_call_by_key(Transaction& transaction, std::string_view run_id,
                                                    std::string_view key);
Result<std::optional<ToolCallRow>> tool_call_by_id(Transaction& transaction, std::string_view run_id,
                                                   std::string_view id);

// Positions count from 0; returns the one that it got.
Result<std::int64_t> append_run_message(Transaction& transaction, const RunMessageRow& message);
Result<std::vector<RunMessageRow>> run_messages(Transaction& transaction, std::string_view run_id);
// The only try of a tool call has no row: the call's row says the same.
Result<void> append_run_attempt(Transaction& transaction, const RunAttemptRow& attempt);
Result<std::vector<RunAttemptRow>> run_attempts(Transaction& transaction, std::string_view run_id);

}  // namespace weir::store

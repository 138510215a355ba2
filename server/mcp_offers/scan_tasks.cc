#include "server/mcp_offers/scan_tasks.h"

#include "server/error_reply.h"
#include "server/mcp/revision.h"
#include "server/mcp/tool_results.h"
#include "server/mcp_offers/change_gate.h"
#include "server/mcp_offers/tool_call.h"

namespace weir::mcp_offers {

namespace {

using mcp::Task;
using mcp::TaskStatus;

// How often a client that does not listen should ask: a passive scan takes a few seconds.
constexpr std::int64_t kPollIntervalMs = 2'000;
constexpr int kTasksPerPage = 50;

// Thread-safe. Holds what is watched.
class ScanWatch final : public mcp::Watch {
 public:
  explicit ScanWatch(std::shared_ptr<streaming::Subscription> subscription) : subscription_(std::move(subscription)) {}

 private:
  const std::shared_ptr<streaming::Subscription> subscription_;
};

UnixMillis time_of(const Json& scan, std::string_view name, UnixMillis fallback) {
  const auto time = parse_rfc3339(string_or(scan, name, ""));
  return time ? *time : fallback;
}

// A scan that could not be carried out is a tool that failed: the task completed, with a result that says so.
TaskStatus status_of(const std::string& status) {
  if (status == "cancelled") return TaskStatus::cancelled;
  return status == "completed" || status == "failed" || status == "timed_out" ? TaskStatus::completed : TaskStatus::working;
}

std::string message_of(const Json& scan, const std::string& summary) {
  const Json* error = find_member(scan, "error");
  const std::string why = error == nullptr ? "" : string_or(*error, "message", "");
  return why.empty() ? summary : summary + " " + why;
}

Task task_from(const tools::CallContext& context, const tools::ToolResult& scan) {
  const Json& json = scan.structured;
  const std::string status = string_or(json, "status", "");
  Task task;
  task.id = string_or(json, "id", "");
  task.status = status_of(status);
  task.status_message = message_of(json, scan.summary);
  task.created_at = time_of(json, "queued_at", {});
  task.last_updated_at = std::max({task.created_at, time_of(json, "started_at", {}), time_of(json, "finished_at", {})});
  if (task.status == TaskStatus::working) task.poll_interval_ms = kPollIntervalMs;
  if (task.status == TaskStatus::completed) {
    mcp::ToolAnswer answer = mcp::success_answer(scan);
    answer.is_error = status != "completed";
    Json result = mcp::call_tool_result(std::move(answer), mcp::kModernRevision, context.decision);
    result["resultType"] = "complete";
    task.payload["result"] = std::move(result);
  }
  return task;
}

Error no_task() { return {ErrorCode::not_found, "There is no such task."}; }

// What is no scan's id is no task's either.
Error as_task_error(Error error) {
  return error.code == ErrorCode::validation_failed || error.code == ErrorCode::not_found ? no_task() : std::move(error);
}

}  // namespace

tools::Scope ScanTasks::scope_of(mcp::TaskAction action) const {
  return action == mcp::TaskAction::get ? tools::Scope::scans_read : tools::Scope::scans_run;
}

Result<Task> ScanTasks::get(const tools::CallContext& context, const std::string& id) {
  auto scan = call_now(catalog_, context, "get_scan", {{"scan_id", id}});
  if (!scan) return as_task_error(std::move(scan).error());
  return task_from(context, *scan);
}

Result<void> ScanTasks::update(const tools::CallContext& context, const std::string& id, const Json&) {
  if (auto task = get(context, id); !task) return std::move(task).error();
  return {};
}

Result<void> ScanTasks::cancel(const tools::CallContext& context, const std::string& id) {
  auto cancelled = call_now(catalog_, context, "cancel_scan", {{"scan_id", id}});
  // It has ended otherwise.
  if (cancelled || cancelled.error().code == ErrorCode::conflict) return {};
  return as_task_error(std::move(cancelled).error());
}

std::shared_ptr<mcp::Watch> ScanTasks::watch(const tools::CallContext& context, const std::string& id,
                                             std::function<void()> changed) {
  if (!context.caller->scopes.allows(tools::Scope::scans_read)) return nullptr;
  if (auto task = get(context, id); !task) return nullptr;
  const auto gate = std::make_shared<ChangeGate>(timers_, std::move(changed));
  auto subscription = hub_.subscribe(id, [gate](const streaming::Published& published) {
    // What a task shows changes with its scan's status, not with its progress.
    const std::string& type = published.event->type;
    if (type != "scan.progress" && type != "scan.phase" && type != "scan.check.completed") gate->tell();
  });
  return subscription ? std::make_shared<ScanWatch>(std::move(subscription)) : nullptr;
}

bool ScanTasks::can_be_task(const tools::Tool& tool) const { return tool.name == "create_scan"; }

std::optional<Task> ScanTasks::task_of(const tools::CallContext& context, const tools::Tool& tool,
                                       const tools::ToolResult& result) {
  if (!can_be_task(tool)) return std::nullopt;
  // A repeated request is answered with the scan as it was: what counts is how it stands now.
  if (result.is_replayed) {
    auto now = get(context, string_or(result.structured, "id", ""));
    if (now) return *std::move(now);
  }
  return task_from(context, result);
}

Result<mcp::TaskPage> ScanTasks::list(const tools::CallContext& context, const std::string& cursor) {
  Json arguments{{"limit", kTasksPerPage}};
  if (!cursor.empty()) arguments["cursor"] = cursor;
  auto scans = call_now(catalog_, context, "list_scans", std::move(arguments));
  if (!scans) return std::move(scans).error();
  mcp::TaskPage page;
  for (const Json& scan : scans->structured["data"]) {
    tools::ToolResult row;
    row.structured = scan;
    row.summary = "The scan is " + string_or(scan, "status", "") + ".";
    page.items.push_back(task_from(context, row));
  }
  page.next_cursor = string_member(scans->structured, "next_cursor");
  return page;
}

}  // namespace weir::mcp_offers

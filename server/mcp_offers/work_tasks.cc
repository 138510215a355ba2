#include "server/mcp_offers/work_tasks.h"

#include <algorithm>
#include <array>

#include "server/error_reply.h"
#include "server/mcp/revision.h"
#include "server/mcp/tool_results.h"
#include "server/mcp_offers/change_gate.h"
#include "server/mcp_offers/held_subscription.h"
#include "server/mcp_offers/run_approvals.h"
#include "server/mcp_offers/tool_call.h"

namespace weir::mcp_offers {

namespace {

using mcp::Task;
using mcp::TaskStatus;
using tools::Scope;

// How often a client that does not listen should ask: a passive scan takes a few seconds.
constexpr std::int64_t kPollIntervalMs = 2'000;
constexpr int kTasksPerPage = 50;

// One kind of long work, and the tools that are about it. Immutable.
struct Work {
  std::string_view prefix;
  std::string_view noun;
  std::string_view argument;
  std::string_view create;
  std::string_view get;
  std::string_view list;
  std::string_view cancel;
  Scope read;
  Scope write;   // to cancel it
  Scope answer;  // to give what it asks for
};

constexpr std::array<Work, 2> kWorks{{
    {.prefix = "scn_",
     .noun = "scan",
     .argument = "scan_id",
     .create = "create_scan",
     .get = "get_scan",
     .list = "list_scans",
     .cancel = "cancel_scan",
     .read = Scope::scans_read,
     .write = Scope::scans_run,
     .answer = Scope::scans_run},
    {.prefix = "run_",
     .noun = "run",
     .argument = "run_id",
     .create = "create_run",
     .get = "get_run",
     .list = "list_runs",
     .cancel = "cancel_run",
     .read = Scope::runs_read,
     .write = Scope::runs_run,
     .answer = Scope::runs_approve},
}};
constexpr const Work& kRuns = kWorks[1];

// Null for what is no id of ours.
const Work* work_of(std::string_view id) {
  const auto found = std::ranges::find_if(kWorks, [id](const Work& work) { return id.starts_with(work.prefix); });
  return found == kWorks.end() ? nullptr : &*found;
}

UnixMillis time_of(const Json& row, std::string_view name, UnixMillis fallback) {
  const auto time = parse_rfc3339(string_or(row, name, ""));
  return time ? *time : fallback;
}

// Work that could not be carried out is a tool that failed: the task completed, with a result that says so. `failed` is for
// JSON-RPC errors.
TaskStatus status_of(std::string_view status) {
  if (status == "cancelled") return TaskStatus::cancelled;
  if (status == "requires_action") return TaskStatus::input_required;
  for (const std::string_view open : {"queued", "running", "cancelling"}) {
    if (status == open) return TaskStatus::working;
  }
  return TaskStatus::completed;
}

std::string message_of(const Json& row, const std::string& summary) {
  const Json* error = find_member(row, "error");
  const std::string why = error == nullptr ? "" : string_or(*error, "message", "");
  return why.empty() || summary.find(why) != std::string::npos ? summary : summary + " " + why;
}

// What a task shows changes with its work's status, not with its progress.
bool changes_status(std::string_view type) {
  return type.starts_with("run.") ||
         (type.starts_with("scan.") && type != "scan.progress" && type != "scan.phase" &&
          type != "scan.check.completed" && type != "scan.finding.detected") ||
         type == "tool_call.approved" || type == "tool_call.denied";
}

Task task_from(const tools::CallContext& context, const tools::ToolResult& row) {
  const Json& json = row.structured;
  const std::string status = string_or(json, "status", "");
  Task task;
  task.id = string_or(json, "id", "");
  task.status = status_of(status);
  task.status_message = message_of(json, row.summary);
  task.created_at = time_of(json, "queued_at", {});
  task.last_updated_at = std::max({task.created_at, time_of(json, "started_at", {}), time_of(json, "finished_at", {})});
  if (!mcp::has_ended(task.status)) task.poll_interval_ms = kPollIntervalMs;
  if (task.status == TaskStatus::input_required) {
    const Json* calls = find_member(json, "tool_calls");
    task.payload["inputRequests"] = approval_requests(calls == nullptr ? Json::array() : *calls);
  }
  if (task.status == TaskStatus::completed) {
    mcp::ToolAnswer answer = mcp::success_answer(row);
    answer.is_error = status != "completed";
    Json result = mcp::call_tool_result(std::move(answer), mcp::kModernRevision, context.decision);
    result["resultType"] = "complete";
    task.payload["result"] = std::move(result);
  }
  return task;
}

Error no_task() { return {ErrorCode::not_found, "There is no such task."}; }

// What is no id of ours is no task's either.
Error as_task_error(Error error) {
  return error.code == ErrorCode::validation_failed || error.code == ErrorCode::not_found ? no_task()
                                                                                          : std::move(error);
}

Result<tools::ToolResult> read(const tools::Catalog& catalog, const tools::CallContext& context, const Work& work,
                               const std::string& id) {
  Json arguments{{std::string(work.argument), id}};
  if (&work == &kRuns) arguments["include"] = Json::array({"tool_calls"});
  auto row = call_now(catalog, context, work.get, std::move(arguments));
  if (!row) return as_task_error(std::move(row).error());
  return row;
}

}  // namespace

Scope WorkTasks::scope_of(mcp::TaskAction action, std::string_view id) const {
  const Work* work = work_of(id);
  // Without an id, a list: it holds what the key may read. An unknown one is refused by whoever looks for it.
  if (work == nullptr) return Scope::none;
  switch (action) {
    case mcp::TaskAction::get: return work->read;
    case mcp::TaskAction::update: return work->answer;
    case mcp::TaskAction::cancel: return work->write;
  }
  return Scope::admin;
}

Result<Task> WorkTasks::get(const tools::CallContext& context, const std::string& id) {
  const Work* work = work_of(id);
  if (work == nullptr) return no_task();
  auto row = read(catalog_, context, *work, id);
  if (!row) return std::move(row).error();
  return task_from(context, *row);
}

Result<void> WorkTasks::update(const tools::CallContext& context, const std::string& id, const Json& input_responses) {
  const Work* work = work_of(id);
  if (work == nullptr) return no_task();
  auto row = read(catalog_, context, *work, id);
  if (!row) return std::move(row).error();
  const Json* calls = find_member(row->structured, "tool_calls");
  if (calls == nullptr) return {};
  return carry_out(catalog_, context, id, *calls, input_responses);
}

Result<void> WorkTasks::cancel(const tools::CallContext& context, const std::string& id) {
  const Work* work = work_of(id);
  if (work == nullptr) return no_task();
  auto cancelled = call_now(catalog_, context, work->cancel, {{std::string(work->argument), id}});
  // It has ended otherwise.
  if (cancelled || cancelled.error().code == ErrorCode::conflict) return {};
  return as_task_error(std::move(cancelled).error());
}

std::shared_ptr<mcp::Watch> WorkTasks::watch(const tools::CallContext& context, const std::string& id,
                                             std::function<void()> changed) {
  const Work* work = work_of(id);
  if (work == nullptr || !context.caller->scopes.allows(work->read)) return nullptr;
  if (auto task = get(context, id); !task) return nullptr;
  const auto gate = std::make_shared<ChangeGate>(timers_, std::move(changed));
  auto subscription = hub_.subscribe(id, [gate](const streaming::Published& published) {
    if (changes_status(published.event->type)) gate->tell();
  });
  return subscription ? std::make_shared<HeldSubscription>(std::move(subscription)) : nullptr;
}

bool WorkTasks::can_be_task(const tools::Tool& tool) const {
  return std::ranges::any_of(kWorks, [&](const Work& work) { return work.create == tool.name; });
}

std::optional<Task> WorkTasks::task_of(const tools::CallContext& context, const tools::Tool& tool,
                                       const tools::ToolResult& result) {
  if (!can_be_task(tool)) return std::nullopt;
  // A repeated request is answered with the work as it was: what counts is how it stands now. So it is with a run that
  // asks for something, which a creation's answer does not hold.
  const std::string id = string_or(result.structured, "id", "");
  if (result.is_replayed || string_or(result.structured, "status", "") == "requires_action") {
    auto now = get(context, id);
    if (now) return *std::move(now);
  }
  return task_from(context, result);
}

Result<mcp::TaskPage> WorkTasks::list(const tools::CallContext& context, const std::string& cursor) {
  // "scan", "scan:<cursor of list_scans>", "run", ...: which list, and where in it.
  const std::size_t colon = cursor.find(':');
  const std::string noun = cursor.empty() ? std::string(kWorks.front().noun) : cursor.substr(0, colon);
  const auto work = std::ranges::find(kWorks, std::string_view(noun), &Work::noun);
  if (work == kWorks.end()) return Error(ErrorCode::validation_failed, "The cursor is unknown.");

  mcp::TaskPage page;
  if (context.caller->scopes.allows(work->read) && catalog_.find(work->list) != nullptr) {
    Json arguments{{"limit", kTasksPerPage}};
    if (colon != std::string::npos) arguments["cursor"] = cursor.substr(colon + 1);
    auto rows = call_now(catalog_, context, work->list, std::move(arguments));
    if (!rows) return std::move(rows).error();
    for (const Json& json : rows->structured["data"]) {
      tools::ToolResult row;
      row.structured = json;
      row.summary = "The " + noun + " is " + string_or(json, "status", "") + ".";
      page.items.push_back(task_from(context, row));
    }
    if (const auto next = string_member(rows->structured, "next_cursor")) page.next_cursor = noun + ":" + *next;
  }
  const auto following = std::next(work);
  if (!page.next_cursor && following != kWorks.end()) {
    // An empty page that says "go on" would be wasted on clients.
    if (page.items.empty()) return list(context, std::string(following->noun));
    if (context.caller->scopes.allows(following->read)) page.next_cursor = std::string(following->noun);
  }
  return page;
}

}  // namespace weir::mcp_offers

// The tasks extension (SEP-2663): long work that a client asks about instead of waiting. The seam to whoever keeps the
// work, and the three methods over it. Only for requests that declare the extension.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "server/mcp/watch.h"
#include "tools/call_context.h"
#include "tools/tool.h"

namespace weir::mcp {

class Call;
struct Dispatch;

inline constexpr std::string_view kTasksExtension = "io.modelcontextprotocol/tasks";

enum class TaskStatus : std::uint8_t { working, input_required, completed, failed, cancelled };
std::string_view to_string(TaskStatus status);
// True for completed, failed and cancelled: nothing moves a task out of these.
bool has_ended(TaskStatus status);

// Not thread-safe: a value.
struct Task {
  std::string id;  // unguessable
  TaskStatus status = TaskStatus::working;
  std::string status_message;
  UnixMillis created_at{};
  UnixMillis last_updated_at{};
  std::optional<std::int64_t> ttl_ms;  // nothing: kept for good
  std::optional<std::int64_t> poll_interval_ms;
  // What the status calls for: {"inputRequests"}, {"result"} or {"error"}.
  Json payload = Json::object();
};

// Not thread-safe: a value.
struct TaskPage {
  std::vector<Task> items;
  std::optional<std::string> next_cursor;  // opaque to the client
};

enum class TaskAction : std::uint8_t { get, update, cancel };

// Every function returns not_found for what is no task, has expired or is another account's, and blocks for the
// database. Thread-safe.
class TaskProvider {
 public:
  virtual ~TaskProvider() = default;
  // What the gate demands before the function of that name is called for that id; "" for list().
  [[nodiscard]] virtual tools::Scope scope_of(TaskAction action, std::string_view id) const = 0;
  virtual Result<Task> get(const tools::CallContext& context, const std::string& id) = 0;
  // Unknown keys are ignored.
  virtual Result<void> update(const tools::CallContext& context, const std::string& id,
                              const Json& input_responses) = 0;
  // Success too if it has already ended.
  virtual Result<void> cancel(const tools::CallContext& context, const std::string& id) = 0;
  // Calls `changed`, which must not block, whenever the task has changed; null if it is not the caller's.
  virtual std::shared_ptr<Watch> watch(const tools::CallContext& context, const std::string& id,
                                       std::function<void()> changed) = 0;
  // True if calls of that tool may become tasks.
  [[nodiscard]] virtual bool can_be_task(const tools::Tool& tool) const = 0;
  // The task behind a tool's answer, ended or not; nothing if there is none.
  virtual std::optional<Task> task_of(const tools::CallContext& context, const tools::Tool& tool,
                                      const tools::ToolResult& result) = 0;
  // The caller's tasks, the newest first. Returns validation_failed for a cursor that is none.
  virtual Result<TaskPage> list(const tools::CallContext& context, const std::string& cursor) = 0;
};

// True if this very request declares the extension; an earlier one never counts.
bool declares_tasks(const Call& call);
// CreateTaskResult: flat, without the payload.
Json create_task_result(const Task& task);
// DetailedTask.
Json detailed_task(const Task& task);

void handle_tasks_get(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_tasks_update(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_tasks_cancel(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp

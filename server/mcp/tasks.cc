#include "server/mcp/tasks.h"

#include "base/log.h"
#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"

namespace weir::mcp {

namespace {

// The task's id, or an answer that there is none.
std::optional<std::string> id_of(Call& call) {
  auto id = string_member(call.message.params, "taskId");
  if (!id) call.fail({code::kInvalidParams, "Invalid params: " + call.message.method + " needs a taskId, a string"});
  return id;
}

void fail(Call& call, const std::string& id, const Error& error) {
  if (error.code != ErrorCode::not_found) return call.fail(error);
  call.fail({code::kInvalidParams, "Invalid params: there is no task " + printable(id, 80) + ", or it has expired"});
}

}  // namespace

std::string_view to_string(TaskStatus status) {
  switch (status) {
    case TaskStatus::working: return "working";
    case TaskStatus::input_required: return "input_required";
    case TaskStatus::completed: return "completed";
    case TaskStatus::failed: return "failed";
    case TaskStatus::cancelled: return "cancelled";
  }
  return "failed";
}

bool has_ended(TaskStatus status) { return status != TaskStatus::working && status != TaskStatus::input_required; }

bool declares_tasks(const Call& call) {
  if (has_sessions(call.revision)) return false;
  const Json* extensions = find_member(call.client_capabilities, "extensions");
  return extensions != nullptr && find_member(*extensions, kTasksExtension) != nullptr;
}

Json create_task_result(const Task& task) {
  Json json{{"resultType", "task"},
            {"taskId", task.id},
            {"status", to_string(task.status)},
            {"createdAt", to_rfc3339(task.created_at)},
            {"lastUpdatedAt", to_rfc3339(task.last_updated_at)},
            {"ttlMs", task.ttl_ms ? Json(*task.ttl_ms) : Json(nullptr)}};
  if (task.poll_interval_ms) json["pollIntervalMs"] = *task.poll_interval_ms;
  if (!task.status_message.empty()) json["statusMessage"] = task.status_message;
  return json;
}

Json detailed_task(const Task& task) {
  Json json = create_task_result(task);
  json.erase("resultType");
  json.update(task.payload);
  return json;
}

void handle_tasks_get(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto id = id_of(*call);
  if (!id) return;
  auto task = dispatch.offers.tasks->get(call->context(), *id);
  if (!task) return fail(*call, *id, task.error());
  call->succeed(detailed_task(*task));
}

void handle_tasks_update(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto id = id_of(*call);
  if (!id) return;
  const Json* responses = find_member(call->message.params, "inputResponses");
  if (responses == nullptr || !responses->is_object()) {
    return call->fail({code::kInvalidParams, "Invalid params: tasks/update needs inputResponses, an object"});
  }
  if (auto done = dispatch.offers.tasks->update(call->context(), *id, *responses); !done) {
    return fail(*call, *id, done.error());
  }
  call->succeed(Json::object());
}

void handle_tasks_cancel(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto id = id_of(*call);
  if (!id) return;
  if (auto done = dispatch.offers.tasks->cancel(call->context(), *id); !done) return fail(*call, *id, done.error());
  call->succeed(Json::object());
}

}  // namespace weir::mcp

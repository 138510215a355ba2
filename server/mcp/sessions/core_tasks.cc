#include "server/mcp/sessions/core_tasks.h"

#include <atomic>
#include <set>

#include "base/guarded.h"
#include "base/log.h"
#include "server/error_reply.h"
#include "server/mcp/capabilities.h"
#include "server/mcp/paging.h"

namespace weir::mcp {

namespace {

constexpr const char* kRelatedTask = "io.modelcontextprotocol/related-task";

RpcError no_task(const std::string& id) {
  return {code::kInvalidParams, "Invalid params: there is no task " + printable(id, 80) + ", or it has expired"};
}

// A tool that failed is a task that failed (2025-11-25); the extension says that it completed.
std::string_view core_status(const Task& task) {
  const Json* result = find_member(task.payload, "result");
  if (task.status == TaskStatus::completed && result != nullptr && bool_or(*result, "isError", false)) return "failed";
  return to_string(task.status);
}

Json core_task(const Task& task) {
  Json json{{"taskId", task.id},
            {"status", core_status(task)},
            {"createdAt", to_rfc3339(task.created_at)},
            {"lastUpdatedAt", to_rfc3339(task.last_updated_at)},
            {"ttl", task.ttl_ms ? Json(*task.ttl_ms) : Json(nullptr)}};
  if (task.poll_interval_ms) json["pollInterval"] = *task.poll_interval_ms;
  if (!task.status_message.empty()) json["statusMessage"] = task.status_message;
  return json;
}

// The task that the call names; answers the call itself if there is none.
std::optional<Task> task_of(const Dispatch& dispatch, Call& call) {
  const auto id = string_member(call.message.params, "taskId");
  if (!id) {
    call.fail({code::kInvalidParams, "Invalid params: " + call.message.method + " needs a taskId, a string"});
    return std::nullopt;
  }
  auto task = dispatch.offers.tasks->get(call.context(), *id);
  if (task) return *std::move(task);
  if (task.error().code == ErrorCode::not_found) {
    call.fail(no_task(*id));
  } else {
    call.fail(task.error());
  }
  return std::nullopt;
}

void answer_with_result(Call& call, const Task& task) {
  if (const Json* error = find_member(task.payload, "error")) {
    const Json* data = find_member(*error, "data");
    return call.fail({static_cast<int>(integer_or(*error, "code", code::kInternalError)),
                      string_or(*error, "message", "The task failed."), data == nullptr ? Json(nullptr) : *data});
  }
  const Json* result = find_member(task.payload, "result");
  if (result == nullptr) {
    const Error cancelled(ErrorCode::cancelled, "The task " + task.id + " was cancelled.");
    return call.fail(cancelled);
  }
  Json shown = *result;
  // What only 2026-07-28 knows.
  shown.erase("resultType");
  if (!shown.contains("_meta") || !shown["_meta"].is_object()) shown["_meta"] = Json::object();
  shown["_meta"][kRelatedTask] = {{"taskId", task.id}};
  call.succeed(std::move(shown));
}

// A tasks/result that waits. Held by the call that it answers, and by its watch weakly. Thread-safe.
class ResultWait final : public tools::PendingCall, public std::enable_shared_from_this<ResultWait> {
 public:
  ResultWait(const Dispatch& dispatch, const std::shared_ptr<Call>& call, std::string task_id)
      : dispatch_(dispatch), call_(call), task_id_(std::move(task_id)) {}

  // False if the task cannot be watched.
  bool start(const tools::CallContext& context) {
    watch_ =
        dispatch_.offers.tasks->watch(context, task_id_, [weak = weak_from_this(), &executor = dispatch_.executor] {
          // Reading the task blocks, which whoever told of the change must not.
          executor.post([weak] {
            if (const auto self = weak.lock()) self->look();
          });
        });
    return watch_ != nullptr;
  }

  // Answers if the task has ended, and asks the client what the task asks for.
  void look() {
    const auto task = dispatch_.offers.tasks->get(call_->context(), task_id_);
    if (task && task->status == TaskStatus::input_required) return ask(*task);
    if (task && !has_ended(task->status)) return;
    if (is_answered_.exchange(true)) return;
    if (task) return answer_with_result(*call_, *task);
    call_->fail(no_task(task_id_));
  }

 private:
  // What has not been asked here before, if the client can be asked and the key may answer: this is how a task of
  // 2025-11-25 gets its input. Otherwise somebody answers elsewhere, and this goes on waiting.
  void ask(const Task& task) {
    const Json* wanted = find_member(task.payload, "inputRequests");
    if (wanted == nullptr ||
        !call_->caller->scopes.allows(dispatch_.offers.tasks->scope_of(TaskAction::update, task_id_)))
      return;
    Json requests = Json::object();
    asked_.with([&](std::set<std::string>& asked) {
      for (const auto& [key, request] : wanted->items()) {
        if (!has_capabilities(call_->client_capabilities, capabilities_needed_by(string_or(request, "method", ""))))
          continue;
        if (!asked.insert(key).second) continue;
        requests[key] = request;
        requests[key]["params"]["_meta"][kRelatedTask] = {{"taskId", task_id_}};
      }
    });
    if (requests.empty()) return;
    auto done = [weak = weak_from_this(), &executor = dispatch_.executor](Json responses) {
      executor.post([weak, responses = std::move(responses)] {
        if (const auto self = weak.lock()) self->take(responses);
      });
    };
    if (!dispatch_.client_requests.ask(call_->session_id, call_->port, std::move(requests), std::move(done))) {
      log::warning("mcp.task_input_not_asked", {{"task", task_id_}, {"cause", "too many questions wait for clients"}});
    }
  }
  void take(const Json& responses) {
    if (auto done = dispatch_.offers.tasks->update(call_->context(), task_id_, responses); !done) {
      log::warning("mcp.task_input_refused", {{"task", task_id_}, {"message", done.error().message}});
    }
    look();
  }

  const Dispatch dispatch_;
  const std::shared_ptr<Call> call_;  // which holds this until it is answered or left
  const std::string task_id_;
  Guarded<std::set<std::string>> asked_;
  std::shared_ptr<Watch> watch_;  // constant once started
  std::atomic<bool> is_answered_{false};
};

}  // namespace

bool wants_core_task(const Call& call) {
  if (call.revision != Revision::r2025_11_25) return false;
  const Json* task = find_member(call.message.params, "task");
  return task != nullptr && task->is_object();
}

std::optional<RpcError> fault_of_core_task(const Dispatch& dispatch, const Call& call) {
  if (dispatch.offers.tasks == nullptr || call.tool == nullptr || call.revision != Revision::r2025_11_25)
    return std::nullopt;
  const Json support = task_support(dispatch.offers, *call.tool);
  if (wants_core_task(call) && support.is_null()) {
    return RpcError{code::kMethodNotFound,
                    "Method not found: calls of " + call.tool->name + " are never tasks; call it without task"};
  }
  if (!wants_core_task(call) && !support.is_null() && support["taskSupport"] == "required") {
    return RpcError{code::kMethodNotFound,
                    "Method not found: calls of " + call.tool->name + " are tasks only; call it with task"};
  }
  return std::nullopt;
}

Json core_create_task_result(const Task& task) { return {{"task", core_task(task)}}; }

Json task_support(const Offers& offers, const tools::Tool& tool) {
  if (offers.tasks == nullptr) return nullptr;
  const McpTool* own = find_mcp_tool(offers.tools, tool.name);
  if (own != nullptr && own->is_only_a_task) return {{"taskSupport", "required"}};
  return offers.tasks->can_be_task(tool) ? Json{{"taskSupport", "optional"}} : Json(nullptr);
}

void handle_core_tasks_get(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  if (const auto task = task_of(dispatch, *call)) call->succeed(core_task(*task));
}

void handle_core_tasks_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto cursor = cursor_of(call->message);
  if (!cursor) return call->fail(unknown_cursor(call->message));
  auto page = dispatch.offers.tasks->list(call->context(), *cursor);
  if (!page) {
    if (page.error().code == ErrorCode::validation_failed) return call->fail(unknown_cursor(call->message));
    return call->fail(page.error());
  }
  Json result{{"tasks", Json::array()}};
  for (const Task& task : page->items) result["tasks"].push_back(core_task(task));
  if (page->next_cursor) result["nextCursor"] = *page->next_cursor;
  call->succeed(std::move(result));
}

void handle_core_tasks_result(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto task = task_of(dispatch, *call);
  if (!task) return;
  if (has_ended(task->status)) return answer_with_result(*call, *task);
  auto wait = std::make_shared<ResultWait>(dispatch, call, task->id);
  if (!wait->start(call->context())) {
    return call->fail({code::kInternalError, "Too many clients wait for tasks; ask with tasks/get"});
  }
  call->port->open_stream(call->base_headers());
  call->hold(wait);
  dispatch.waiting_calls.add(call);
  // It may have ended before it was watched.
  wait->look();
}

void handle_core_tasks_cancel(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto task = task_of(dispatch, *call);
  if (!task) return;
  if (has_ended(task->status)) {
    return call->fail({code::kInvalidParams, "Invalid params: the task " + task->id + " has ended: it is " +
                                                 std::string(core_status(*task))});
  }
  if (auto done = dispatch.offers.tasks->cancel(call->context(), task->id); !done) return call->fail(done.error());
  if (const auto now = task_of(dispatch, *call)) call->succeed(core_task(*now));
}

}  // namespace weir::mcp

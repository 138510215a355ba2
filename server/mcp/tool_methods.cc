#include "server/mcp/tool_methods.h"

#include "base/log.h"
#include "server/error_reply.h"
#include "server/mcp/envelope.h"
#include "server/mcp/methods.h"
#include "server/mcp/paging.h"
#include "server/mcp/sessions/core_tasks.h"
#include "server/mcp/tool_results.h"

namespace weir::mcp {

namespace {

// How long a client may believe the list of tools; a change of the key's scopes shows after this.
constexpr std::int64_t kToolsTtlMs = 60'000;

RpcError bad_params(std::string text) { return {code::kInvalidParams, "Invalid params: " + std::move(text)}; }

void finish(const Dispatch& dispatch, Call& call, Result<tools::ToolResult> result) {
  // A copy: the call itself does not change any more once it waits.
  limits::Decision decision = call.decision;
  const Method* method = find_method(call.message.method, call.revision, call.message.kind);
  // The caller does not pay for our failure (docs/reference/limits.md).
  dispatch.gate.settle(*call.caller, spec_of(*method, call.tool), server::end_of(result), decision);
  http::Headers headers;
  server::add_rate_headers(headers, decision);
  if (result && dispatch.offers.tasks != nullptr && (declares_tasks(call) || wants_core_task(call))) {
    const auto task = dispatch.offers.tasks->task_of(call.context(), *call.tool, *result);
    // By the extension the server decides: what has ended is answered as it is. A core task was asked for.
    if (task && (wants_core_task(call) || !has_ended(task->status))) {
      Json created = wants_core_task(call) ? core_create_task_result(*task) : create_task_result(*task);
      created["_meta"][std::string(meta::kRateLimit)] = rate_limit_meta(decision);
      return call.succeed(std::move(created), std::move(headers));
    }
  }
  if (!result && wants_core_task(call)) return call.fail(result.error());
  if (result) {
    call.succeed(call_tool_result(success_answer(*std::move(result)), call.revision, decision), std::move(headers));
    return;
  }
  const Error& error = result.error();
  if (error.code == ErrorCode::internal) {
    log::error("mcp.tool_failed", {{"tool", call.tool->name}, {"request_id", call.request_id}, {"cause", error.cause}});
  }
  if (error.retry_after) headers.set("Retry-After", std::to_string(server::retry_after_seconds(*error.retry_after)));
  call.succeed(call_tool_result(error_answer(error, call.request_id), call.revision, decision), std::move(headers));
}

Json listed(const Dispatch& dispatch, const tools::Tool& tool, Revision revision) {
  Json definition = tool_definition(tool, revision);
  if (revision != Revision::r2025_11_25) return definition;
  if (Json support = task_support(dispatch.offers, tool); !support.is_null())
    definition["execution"] = std::move(support);
  return definition;
}

// The arguments as an object; an error if they are anything else.
std::variant<Json, RpcError> arguments_of(const Message& message) {
  const Json* arguments = find_member(message.params, "arguments");
  if (arguments == nullptr || arguments->is_null()) return Json(Json::object());
  if (!arguments->is_object()) {
    return bad_params("arguments must be an object, not " + std::string(json_type(*arguments)));
  }
  return *arguments;
}

}  // namespace

void handle_tools_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  // Everything fits one page, so no cursor was ever given out.
  if (cursor_of(call->message) != "") return call->fail(unknown_cursor(call->message));
  Json list = Json::array();
  for (const tools::Tool& tool : dispatch.catalog.tools()) {
    if (call->caller->scopes.allows(tool.scope) && call->filter.allows(tool))
      list.push_back(listed(dispatch, tool, call->revision));
  }
  for (const McpTool& tool : dispatch.offers.tools) {
    if (call->caller->scopes.allows(tool.declaration.scope) && call->filter.allows(tool.declaration)) {
      list.push_back(listed(dispatch, tool.declaration, call->revision));
    }
  }
  Json result{{"tools", std::move(list)}};
  add_caching(result, call->revision, kToolsTtlMs, "private");  // filtered by the key's scopes
  result["_meta"][std::string(meta::kRateLimit)] = rate_limit_meta(call->decision);
  call->succeed(std::move(result));
}

void handle_tools_call(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto name = string_member(call->message.params, "name");
  if (!name) return call->fail(bad_params("tools/call needs a name, a string"));
  if (call->tool == nullptr) return call->fail(bad_params("Unknown tool: " + printable(*name, 80)));
  auto arguments = arguments_of(call->message);
  if (const auto* error = std::get_if<RpcError>(&arguments)) {
    const Method* method = find_method(call->message.method, call->revision, call->message.kind);
    dispatch.gate.settle(*call->caller, spec_of(*method, call->tool), server::CallEnd::changed_nothing, call->decision);
    return call->fail(*error);
  }

  if (const McpTool* tool = find_mcp_tool(dispatch.offers.tools, *name)) {
    return Interaction::run(dispatch, call, std::move(std::get<Json>(arguments)), tool->handler);
  }

  // A task is answered at once.
  if (wants_core_task(*call) && dispatch.offers.tasks != nullptr) std::get<Json>(arguments).erase("wait_seconds");
  const std::shared_ptr<ProgressReporter> progress = call->progress;
  std::function<void(const streaming::Event&)> on_event;
  if (progress) on_event = [progress](const streaming::Event& event) { progress->report(event); };

  auto pending = dispatch.catalog.call(
      *call->tool, call->context(), std::move(std::get<Json>(arguments)),
      [dispatch, call, progress](Result<tools::ToolResult> result) {
        if (progress) progress->stop();
        finish(dispatch, *call, std::move(result));
      },
      std::move(on_event));
  if (pending == nullptr) return;
  if (progress && call->port->open_stream(call->base_headers())) progress->start();
  call->hold(std::move(pending));
  dispatch.waiting_calls.add(call);
}

}  // namespace weir::mcp

#include "server/mcp/tool_methods.h"

#include "base/log.h"
#include "server/mcp/envelope.h"
#include "server/mcp/methods.h"
#include "server/mcp/paging.h"
#include "server/mcp/progress.h"
#include "server/mcp/tool_results.h"

namespace weir::mcp {

namespace {

// How long a client may believe the list of tools; a change of the key's scopes shows after this.
constexpr std::int64_t kToolsTtlMs = 60'000;

RpcError bad_params(std::string text) { return {code::kInvalidParams, "Invalid params: " + std::move(text)}; }

void finish(const Dispatch& dispatch, Call& call, const Result<tools::ToolResult>& result) {
  if (result) {
    call.succeed(call_tool_result(success_answer(*result), call.revision, call.decision));
    return;
  }
  // The caller does not pay for our failure (docs/reference/mcp.md, "Pace").
  if (result.error().code == ErrorCode::internal) {
    log::error("mcp.tool_failed",
               {{"tool", call.tool->name}, {"request_id", call.request_id}, {"cause", result.error().cause}});
    const Method* method = find_method(call.message.method, call.revision, call.message.kind);
    dispatch.gate.refund(*call.caller, spec_of(*method, call.tool), call.decision);
  }
  call.succeed(call_tool_result(error_answer(result.error(), call.request_id), call.revision, call.decision));
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
    if (call->caller->scopes.allows(tool.scope)) list.push_back(tool_definition(tool, call->revision));
  }
  for (const McpTool& tool : dispatch.offers.tools) {
    if (call->caller->scopes.allows(tool.declaration.scope)) {
      list.push_back(tool_definition(tool.declaration, call->revision));
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
  if (const auto* error = std::get_if<RpcError>(&arguments)) return call->fail(*error);

  if (const McpTool* tool = find_mcp_tool(dispatch.offers.tools, *name)) {
    return Interaction::run(dispatch, call, std::move(std::get<Json>(arguments)), tool->handler);
  }

  std::shared_ptr<ProgressReporter> progress;
  if (Json token = progress_token(call->message); !token.is_null()) {
    progress = std::make_shared<ProgressReporter>(call->port, std::move(token), dispatch.settings.progress_interval,
                                                  dispatch.clock, dispatch.timers);
  }
  std::function<void(const streaming::Event&)> on_event;
  if (progress) on_event = [progress](const streaming::Event& event) { progress->report(event); };

  auto pending = dispatch.catalog.call(
      *call->tool, call->context(), std::move(std::get<Json>(arguments)),
      [dispatch, call, progress](const Result<tools::ToolResult>& result) {
        if (progress) progress->stop();
        finish(dispatch, *call, result);
      },
      std::move(on_event));
  if (pending == nullptr) return;
  if (progress && call->port->open_stream(call->base_headers())) progress->start();
  call->hold(std::move(pending));
}

}  // namespace weir::mcp

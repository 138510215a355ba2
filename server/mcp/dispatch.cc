#include "server/mcp/dispatch.h"

#include <algorithm>
#include <set>

#include "base/log.h"

#include "server/error_reply.h"
#include "server/mcp/capabilities.h"
#include "server/mcp/envelope.h"
#include "server/mcp/methods.h"
#include "server/mcp/param_headers.h"
#include "server/mcp/sessions/core_tasks.h"
#include "server/mcp/tool_results.h"

namespace weir::mcp {

namespace {

constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kTooManyRequests = 429;

// In a session 404 means that the session is gone, so there an unknown method is told in-band.
RpcError unknown_method(const Call& call) {
  return {code::kMethodNotFound, "Method not found: " + printable(call.message.method, 80), nullptr,
          has_sessions(call.revision) ? 200 : kNotFound};
}

// Rows 16 and the gate's own failures: scope, limiter away.
void refuse_by_gate(const Dispatch& dispatch, Call& call, const Error& error) {
  RpcError refusal{code::kUnavailable, error.message, server::error_object(error, call.request_id),
                   server::http_status(error.code)};
  http::Headers headers;
  if (const auto challenge = dispatch.gate.challenge(error)) headers.add("WWW-Authenticate", *challenge);
  if (error.code == ErrorCode::insufficient_scope) {
    refusal.code = code::kInsufficientScope;
    refusal.http_status = kForbidden;
  }
  call.fail(refusal, std::move(headers));
}

// Over budget: a tool call is a result that every model reads, anything else an error with a code of our own.
void refuse_by_limit(const Dispatch& dispatch, Call& call, const Method& method) {
  // A task was asked for, so a result of the tool would not be understood.
  const bool is_result = method.is_tool_call && !wants_core_task(call);
  if (is_result && dispatch.settings.rate_limit_status == RateLimitStatus::result) {
    call.succeed(call_tool_result(refusal_answer(call.decision, call.request_id), call.revision, call.decision));
    return;
  }
  call.fail({code::kRateLimited, server::refusal_message(call.decision),
             server::refusal_object(call.decision, call.request_id), is_result ? kTooManyRequests : 200});
}

const tools::Tool* find_tool(const Dispatch& dispatch, const std::string& name) {
  if (const tools::Tool* tool = dispatch.catalog.find(name)) return tool;
  const McpTool* tool = find_mcp_tool(dispatch.offers.tools, name);
  return tool == nullptr ? nullptr : &tool->declaration;
}

// What the host's configuration asks for and does not exist, or leaves out and calls all the same.
std::optional<RpcError> fault_of_filter(const Dispatch& dispatch, const Call& call) {
  if (call.filter.is_empty()) return std::nullopt;
  std::set<std::string> known;
  for (const tools::Tool& tool : dispatch.catalog.tools()) known.insert(toolset_of(tool));
  for (const McpTool& tool : dispatch.offers.tools) known.insert(toolset_of(tool.declaration));
  if (auto fault = call.filter.fault(known)) return fault;
  if (call.tool != nullptr && !call.filter.allows(*call.tool)) return call.filter.left_out(*call.tool);
  return std::nullopt;
}

// Rows 14 and 15 of the validation order: what the client must declare, and headers that repeat arguments.
std::optional<RpcError> fault_before_the_gate(const Dispatch& dispatch, const Call& call, const Method& method) {
  if (has_sessions(call.revision)) return method.is_tool_call ? fault_of_core_task(dispatch, call) : std::nullopt;
  Json tasks{{"extensions", {{std::string(kTasksExtension), Json::object()}}}};
  if (method.need == Need::tasks && !declares_tasks(call)) return missing_capability(std::move(tasks));
  if (!method.is_tool_call || call.tool == nullptr) return std::nullopt;
  if (const McpTool* tool = find_mcp_tool(dispatch.offers.tools, call.tool->name)) {
    if (tool->is_only_a_task && !declares_tasks(call)) return missing_capability(std::move(tasks));
    if (!has_capabilities(call.client_capabilities, tool->required_capabilities)) {
      return missing_capability(tool->required_capabilities);
    }
  }
  const Json* arguments = find_member(call.message.params, "arguments");
  return check_param_headers(call.tool->input_schema, arguments == nullptr ? Json::object() : *arguments,
                             call.request_headers);
}

// `weir/maxWaitMs`: how long the caller would rather wait than be refused.
std::chrono::milliseconds wait_asked(const Message& message) {
  constexpr std::string_view kMaxWaitMs = "weir/maxWaitMs";
  constexpr double kMostMs = 86'400'000;  // the gate grants less
  const Json* meta = find_member(message.params, "_meta");
  const Json* asked = meta == nullptr ? nullptr : find_member(*meta, kMaxWaitMs);
  if (asked == nullptr || !asked->is_number()) return std::chrono::milliseconds{0};
  const auto ms = asked->get<double>();
  return std::chrono::milliseconds{ms > 0 ? static_cast<std::int64_t>(std::min(ms, kMostMs)) : 0};
}

// What a held call reports as progress.
streaming::Event held_event(const server::Place& place) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(place.about).count();
  streaming::Event event;
  event.type = "call.held";
  event.data = {{"message", "Waiting for the rate limit: " + std::to_string(place.ahead) +
                                (place.ahead == 1 ? " call" : " calls") + " ahead, about " + std::to_string(seconds) +
                                (seconds == 1 ? " second." : " seconds.")}};
  return event;
}

// What follows the gate's answer, at once or after a wait.
void proceed(const Dispatch& dispatch, const std::shared_ptr<Call>& call, const Method& method,
             Result<limits::Decision> admitted) {
  call->leave_queue();
  if (!admitted) {
    call->decision = admit_for_headers(dispatch.gate, *call->caller, method.name);
    return refuse_by_gate(dispatch, *call, admitted.error());
  }
  call->decision = std::move(*admitted);
  if (!call->decision.is_allowed) return refuse_by_limit(dispatch, *call, method);
  method.handler(dispatch, call);
}

}  // namespace

limits::Decision admit_for_headers(server::Gate& gate, const tools::Caller& caller, std::string_view name) {
  auto decision = gate.admit(caller, {name, tools::Scope::none, 0, server::CallSpec::Usage::not_counted});
  if (decision) return std::move(*decision);
  // Nothing to show: the limiter cannot answer, and at no cost nothing depends on it.
  limits::Decision unknown;
  unknown.is_unlimited = true;
  unknown.tier = caller.tier;
  return unknown;
}

void dispatch_call(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const bool is_request = call->message.kind == Message::Kind::request;
  const Method* method = find_method(call->message.method, call->revision, call->message.kind);
  if (method == nullptr || !is_offered(*method, dispatch.offers)) {
    call->decision = admit_for_headers(dispatch.gate, *call->caller, is_request ? "mcp/unknown" : "notifications");
    if (is_request) call->fail(unknown_method(*call));
    return;
  }
  if (method->is_tool_call) {
    call->tool = find_tool(dispatch, string_or(call->message.params, "name", ""));
  }
  if (auto fault = is_request ? fault_of_filter(dispatch, *call) : std::nullopt) {
    call->decision = admit_for_headers(dispatch.gate, *call->caller, "mcp/refused");
    return call->fail(*fault);
  }
  if (auto fault = fault_before_the_gate(dispatch, *call, *method)) {
    call->decision = admit_for_headers(dispatch.gate, *call->caller, "mcp/refused");
    return call->fail(*fault);
  }
  server::CallSpec spec = spec_of(*method, call->tool);
  if (!method->is_tool_call) spec.scope = scope_of(dispatch, *method, call->message);
  if (!is_request) {
    auto admitted = dispatch.gate.admit(*call->caller, spec);
    call->decision = admitted ? std::move(*admitted) : admit_for_headers(dispatch.gate, *call->caller, spec.name);
    // Since 2026-07-28 a client cancels by closing the stream, and ids are not unique between its requests.
    if (!call->session_id.empty() && call->message.method == "notifications/cancelled") {
      if (const Json* id = find_member(call->message.params, "requestId")) {
        dispatch.waiting_calls.cancel(call->session_id, *id, call->decision);
      }
    }
    return;
  }
  if (Json token = progress_token(call->message); method->is_tool_call && !token.is_null()) {
    call->progress = std::make_shared<ProgressReporter>(
        call->port, std::move(token), dispatch.settings.progress_interval, dispatch.clock, dispatch.timers);
  }
  server::Pacing::Moved moved;
  if (call->progress) {
    moved = [progress = call->progress](const server::Place& place) { progress->report(held_event(place)); };
  }
  auto place = dispatch.gate.admit_or_hold(
      call->caller, spec, wait_asked(call->message),
      [dispatch, call, method](Result<limits::Decision> admitted) {
        proceed(dispatch, call, *method, std::move(admitted));
      },
      std::move(moved));
  if (place == nullptr) return;
  // The call is another thread's from here on: only what nobody changes is read.
  if (call->progress) {
    http::Headers head;
    head.add("X-Request-ID", call->request_id);
    server::add_rate_headers(head, admit_for_headers(dispatch.gate, *call->caller, spec.name));
    if (call->port->open_stream(head)) call->progress->start();
  }
  call->queue_at(std::move(place));
  dispatch.waiting_calls.add(call);
}

}  // namespace weir::mcp

#include "server/mcp/dispatch.h"

#include "base/log.h"

#include "server/error_reply.h"
#include "server/mcp/methods.h"
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
void refuse_by_gate(Call& call, const Error& error, tools::Scope scope) {
  RpcError refusal{code::kUnavailable, error.message, server::error_object(error, call.request_id),
                   server::http_status(error.code)};
  http::Headers headers;
  if (error.code == ErrorCode::insufficient_scope) {
    // RFC 6750 §3.1; no resource_metadata, since there is no authorization server to send the client to.
    headers.add("WWW-Authenticate",
                R"(Bearer error="insufficient_scope", scope=")" + std::string(tools::to_string(scope)) + "\"");
    refusal.code = code::kInsufficientScope;
    refusal.http_status = kForbidden;
  }
  call.fail(refusal, std::move(headers));
}

// Over budget: a tool call is a result that every model reads, anything else an error with a code of our own.
void refuse_by_limit(const Dispatch& dispatch, Call& call, const Method& method) {
  if (method.is_tool_call && dispatch.settings.rate_limit_status == RateLimitStatus::result) {
    call.succeed(call_tool_result(refusal_answer(call.decision, call.request_id), call.revision, call.decision));
    return;
  }
  call.fail({code::kRateLimited, server::refusal_message(call.decision),
             server::refusal_object(call.decision, call.request_id), method.is_tool_call ? kTooManyRequests : 200});
}

}  // namespace

limits::Decision admit_for_headers(server::Gate& gate, const tools::Caller& caller, std::string_view name) {
  auto decision = gate.admit(caller, {name, tools::Scope::none, 0});
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
  if (method == nullptr) {
    call->decision = admit_for_headers(dispatch.gate, *call->caller, is_request ? "mcp/unknown" : "notifications");
    if (is_request) call->fail(unknown_method(*call));
    return;
  }
  if (method->is_tool_call) {
    call->tool = dispatch.catalog.find(string_or(call->message.params, "name", ""));
  }
  const server::CallSpec spec = spec_of(*method, call->tool);
  auto admitted = dispatch.gate.admit(*call->caller, spec);
  if (!admitted) {
    call->decision = admit_for_headers(dispatch.gate, *call->caller, spec.name);
    if (is_request) refuse_by_gate(*call, admitted.error(), spec.scope);
    return;
  }
  call->decision = std::move(*admitted);
  if (!is_request) return;
  if (!call->decision.is_allowed) return refuse_by_limit(dispatch, *call, *method);
  method->handler(dispatch, call);
}

}  // namespace weir::mcp

#include "server/mcp/call.h"

#include "server/error_reply.h"
#include "server/mcp/tool_results.h"

namespace weir::mcp {

void Call::succeed(Json result, http::Headers headers) {
  add_result_members(result, revision, server_version);
  send(result_message(message.id, std::move(result)), 200, headers);
}

void Call::fail(const RpcError& error, http::Headers headers) {
  send(error_message(message.id, error), error.http_status, headers);
}

void Call::fail(const Error& error) {
  fail({server::json_rpc_code(error.code), error.message, server::error_object(error, request_id)});
}

tools::CallContext Call::context() const {
  tools::CallContext context;
  context.caller = caller;
  context.surface = tools::Surface::mcp;
  context.request_id = request_id;
  context.decision = decision;
  return context;
}

void Call::send(Json reply, int status, const http::Headers& headers) {
  Answer answer{std::move(reply), status, base_headers()};
  for (const auto& [name, value] : headers.fields()) answer.headers.set(name, value);
  port->send(std::move(answer));
  abandon();
}

void Call::hold(std::shared_ptr<tools::PendingCall> pending) {
  // What is not kept is destroyed outside the lock: that may take other locks.
  wait_.with([&](Wait& wait) {
    if (!wait.is_over) wait.pending.swap(pending);
  });
  if (pending != nullptr) return;
  port->on_departed([weak = weak_from_this()] {
    if (const auto call = weak.lock()) call->abandon();
  });
}

void Call::abandon() {
  const auto pending = wait_.with([](Wait& wait) {
    wait.is_over = true;
    return std::move(wait.pending);
  });
}

http::Headers Call::base_headers() const {
  http::Headers headers;
  headers.add("X-Request-ID", request_id);
  server::add_rate_headers(headers, decision);
  return headers;
}

}  // namespace weir::mcp

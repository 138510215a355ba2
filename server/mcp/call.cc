#include "server/mcp/call.h"

#include <utility>

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
  context.idempotency_key = repetition_token;
  return context;
}

void Call::send(Json reply, int status, const http::Headers& headers) {
  Answer answer{std::move(reply), status, base_headers()};
  for (const auto& [name, value] : headers.fields()) answer.headers.set(name, value);
  port->send(std::move(answer));
  abandon();
}

// What is not kept is destroyed outside the lock, here and below: that may take other locks.
void Call::queue_at(std::shared_ptr<tools::PendingCall> place) {
  const bool is_kept = wait_.with([&](Wait& wait) {
    if (wait.is_over || wait.has_left_queue) return false;
    wait.place.swap(place);
    return true;
  });
  if (is_kept) abandon_on_departure();
}

void Call::leave_queue() {
  const auto place = wait_.with([](Wait& wait) {
    wait.has_left_queue = true;
    return std::move(wait.place);
  });
}

void Call::hold(std::shared_ptr<tools::PendingCall> pending) {
  const bool is_kept = wait_.with([&](Wait& wait) {
    if (wait.is_over) return false;
    wait.pending.swap(pending);
    return true;
  });
  if (is_kept) abandon_on_departure();
}

void Call::keep(std::shared_ptr<const void> entry) {
  wait_.with([&](Wait& wait) {
    if (wait.entry == nullptr) wait.entry.swap(entry);
  });
}

void Call::abandon_on_departure() {
  port->on_departed([weak = weak_from_this()] {
    if (const auto call = weak.lock()) call->abandon();
  });
}

void Call::abandon() {
  const auto waits = wait_.with([](Wait& wait) {
    wait.is_over = true;
    return std::pair{std::move(wait.place), std::move(wait.pending)};
  });
}

void Call::cancel(const limits::Decision& state) {
  if (progress) progress->stop();
  abandon();
  const Error error(ErrorCode::cancelled, "The client cancelled this call.");
  http::Headers headers;
  headers.add("X-Request-ID", request_id);
  server::add_rate_headers(headers, state);
  port->end({error_message(message.id,
                           {server::json_rpc_code(error.code), error.message, server::error_object(error, request_id)}),
             200, std::move(headers)});
}

http::Headers Call::base_headers() const {
  http::Headers headers;
  headers.add("X-Request-ID", request_id);
  server::add_rate_headers(headers, decision);
  return headers;
}

}  // namespace weir::mcp

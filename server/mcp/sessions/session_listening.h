// What a session listens to: GET, which opens a stream or resumes one, and the subscriptions to resources
// (MCP 2025-03-26 to 2025-11-25 streamable-http, "Listening for Messages"; "Subscriptions").
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/http/exchange.h"
#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"
#include "store/sessions_store.h"

namespace weir::mcp {

// One GET of a known session by its owner. Not thread-safe: a value.
struct SessionGet {
  std::shared_ptr<http::Exchange> exchange;
  std::shared_ptr<const tools::Caller> caller;
  std::string request_id;
  store::SessionRow session;
  http::Headers headers;                                    // of the answer
  std::function<std::shared_ptr<Call>(Message)> make_call;  // in that session
};

// Answers the exchange with a stream; if it cannot, says why: 409 too many streams, 410 a stream that cannot be resumed.
//
// A call that a restart cut before its answer is made again, with the idempotency token of the first time, if it only
// reads, may be repeated, or starts a scan (which the token makes once); any other ends with an error that says so.
std::optional<RpcError> open_session_stream(const Dispatch& dispatch, const SessionGet& get);

// The token that makes the repetition of a streamed call safe. "" for a request that is never answered on a stream.
std::string repetition_token(std::string_view session_id, const Message& message);

Priming priming_of(Revision revision);

void handle_subscribe(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_unsubscribe(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp

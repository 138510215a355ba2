#include "server/mcp/sessions/session_listening.h"

#include "base/hmac.h"
#include "base/log.h"
#include "server/error_reply.h"
#include "server/mcp/envelope.h"
#include "server/mcp/http_reply.h"
#include "server/mcp/sessions/session_reply.h"

namespace weir::mcp {

namespace {

constexpr int kConflict = 409;
constexpr int kGone = 410;
constexpr int kResourceNotFound = -32002;

// False for what a second time could do again: then the caller has to look first.
bool may_be_repeated(const Dispatch& dispatch, const Message& message) {
  if (message.method != "tools/call") return true;
  const std::string name = string_or(message.params, "name", "");
  const tools::Tool* tool = dispatch.catalog.find(name);
  if (tool == nullptr) {
    const McpTool* own = find_mcp_tool(dispatch.offers.tools, name);
    if (own == nullptr) return true;
    tool = &own->declaration;
  }
  return tool->annotations.is_read_only || tool->annotations.is_idempotent || tool->starts_scan;
}

std::shared_ptr<http::SseStream> start_stream(const SessionGet& get) {
  return get.exchange->start_stream(stream_head(get.headers));
}

Revision revision_of(const SessionGet& get) {
  return revision_from(get.session.protocol_version).value_or(kLatestSessionRevision);
}

RpcError gone() {
  return {
      code::kTransport,
      "Gone: the stream of that Last-Event-ID is not kept any more; send the request again, or GET without the header",
      nullptr, kGone};
}

// A call that an earlier process knew.
std::optional<RpcError> resume_stored(const Dispatch& dispatch, const SessionGet& get, const StreamPosition& position) {
  auto stored = dispatch.session_streams.stored_call(get.session.id, position.stream_id);
  if (!stored)
    return RpcError{code::kInternalError, stored.error().message, nullptr, server::http_status(stored.error().code)};
  if (!*stored) return gone();
  const store::SessionCallRow& row = **stored;
  const auto stream = dispatch.session_streams.reopen_call(get.session.id, position);
  if (stream == nullptr) return gone();
  if (const auto reader = start_stream(get)) stream->attach(reader, position.seq, priming_of(revision_of(get)));
  if (row.answer && position.seq < ResumableStream::kLastSeq) {
    stream->finish(*row.answer);
    return std::nullopt;
  }
  if (row.answer) {
    stream->finish();
    return std::nullopt;
  }
  auto parsed = parse_body(to_text(row.request));
  auto* body = std::get_if<Body>(&parsed);
  auto* message = body == nullptr || body->elements.empty() ? nullptr : std::get_if<Message>(&body->elements.front());
  if (message == nullptr) return gone();
  const bool is_repeated = may_be_repeated(dispatch, *message);
  log::info("mcp.call_resumed",
            {{"request_id", get.request_id}, {"method", message->method}, {"repeated", is_repeated}});
  auto call = get.make_call(std::move(*message));
  call->port = std::make_shared<SessionReply>(dispatch.session_streams, stream);
  if (is_repeated) {
    dispatch_call(dispatch, call);
    return std::nullopt;
  }
  call->decision = admit_for_headers(dispatch.gate, *call->caller, "mcp/resumed");
  call->fail(
      {code::kInternalError,
       "The server was restarted while this call ran, and it is not known whether it took effect: look first, then "
       "call again if need be"});
  return std::nullopt;
}

}  // namespace

Priming priming_of(Revision revision) {
  return revision >= Revision::r2025_11_25 ? Priming::first_event : Priming::none;
}

std::string repetition_token(std::string_view session_id, const Message& message) {
  constexpr std::size_t kHexCharacters = 40;
  if (message.method != "tools/call" || progress_token(message).is_null()) return "";
  return "mcp-" +
         to_hex(sha256(std::string(session_id) + "\n" + to_text(request_message(message)))).substr(0, kHexCharacters);
}

std::optional<RpcError> open_session_stream(const Dispatch& dispatch, const SessionGet& get) {
  SessionStreams& streams = dispatch.session_streams;
  tools::CallContext context;
  context.caller = get.caller;
  context.surface = tools::Surface::mcp;
  context.request_id = get.request_id;

  const auto last_id = get.exchange->request().headers.find("Last-Event-ID");
  const auto position = last_id ? stream_position_from(*last_id) : std::nullopt;
  if (position) {
    // The session's watches are there again before anything is read on.
    if (const auto stream = streams.find(get.session.id, position->stream_id)) {
      if (const auto reader = start_stream(get)) stream->attach(reader, position->seq, priming_of(revision_of(get)));
      return std::nullopt;
    }
    if (!SessionStreams::is_listening_id(position->stream_id)) return resume_stored(dispatch, get, *position);
  }
  const auto stream = streams.listen(context, get.session.id);
  if (!stream) {
    const bool is_conflict = stream.error().code == ErrorCode::conflict;
    return RpcError{code::kTransport, stream.error().message, nullptr,
                    is_conflict ? kConflict : server::http_status(stream.error().code)};
  }
  if (const auto reader = start_stream(get)) (*stream)->attach(reader, 0, priming_of(revision_of(get)));
  if (position) streams.tell_all(get.session.id);
  return std::nullopt;
}

void handle_subscribe(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto uri = string_member(call->message.params, "uri");
  if (!uri) return call->fail({code::kInvalidParams, "Invalid params: resources/subscribe needs a uri, a string"});
  const auto done = dispatch.session_streams.subscribe(call->context(), call->session_id, *uri);
  if (done) return call->succeed(Json::object());
  if (done.error().code != ErrorCode::not_found) return call->fail(done.error());
  call->fail({kResourceNotFound, "Resource not found: " + printable(*uri, 200), {{"uri", *uri}}});
}

void handle_unsubscribe(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto uri = string_member(call->message.params, "uri");
  if (!uri) return call->fail({code::kInvalidParams, "Invalid params: resources/unsubscribe needs a uri, a string"});
  if (const auto done = dispatch.session_streams.unsubscribe(call->session_id, *uri); !done)
    return call->fail(done.error());
  call->succeed(Json::object());
}

}  // namespace weir::mcp

#include "server/mcp/mcp_endpoint.h"

#include <algorithm>

#include "base/log.h"
#include "server/error_reply.h"
#include "server/mcp/cors.h"
#include "server/mcp/envelope.h"
#include "server/mcp/era.h"
#include "server/mcp/framing.h"
#include "server/mcp/http_reply.h"
#include "server/mcp/sessions/batch_reply.h"
#include "server/mcp/sessions/session_listening.h"
#include "server/mcp/sessions/session_reply.h"
#include "store/kept_secrets.h"

namespace weir::mcp {

namespace {

// Idle sessions take a row each and little else, so they need not go at once.
constexpr std::chrono::minutes kSweepInterval{5};
// 256 bits.
constexpr std::size_t kStateKeyCharacters = 43;

// Kept in the database, so that what a client was asked before a restart can be answered after it.
std::string state_key(store::Database& database, Random& random) {
  const std::string fresh = random.base62(kStateKeyCharacters);
  auto kept = database.write_for(
      [&](store::Transaction& transaction) { return store::kept_secret(transaction, "mcp_state_key", fresh); });
  if (kept) return *std::move(kept);
  log::warning("mcp.state_key_not_kept", {{"cause", kept.error().cause}});
  return fresh;
}

RpcError transport_error(int status, std::string message) {
  return {code::kTransport, std::move(message), nullptr, status};
}

}  // namespace

// One exchange and what is known of it so far. Not thread-safe: owned by handle().
struct McpEndpoint::Incoming {
  std::shared_ptr<http::Exchange> exchange;
  std::string request_id;
  std::shared_ptr<const tools::Caller> caller;
  Accepts accepts;

  [[nodiscard]] const http::Request& request() const { return exchange->request(); }

  http::Headers headers(const limits::Decision* decision) const {
    http::Headers headers;
    headers.add("X-Request-ID", request_id);
    if (decision != nullptr) server::add_rate_headers(headers, *decision);
    return headers;
  }

  // Before anybody is known: nothing to say about limits.
  void refuse_stranger(const RpcError& error, std::string_view allow = "") const {
    http::Headers head = headers(nullptr);
    if (!allow.empty()) head.add("Allow", std::string(allow));
    exchange->reply(json_response(error.http_status, std::move(head), error_message(nullptr, error)));
  }

  // A fault of a known caller's message: costs nothing, shows the state of the limits.
  void refuse(server::Gate& gate, const Fault& fault, std::string_view allow = "") const {
    const limits::Decision decision = admit_for_headers(gate, *caller, "mcp/refused");
    http::Headers head = headers(&decision);
    if (!allow.empty()) head.add("Allow", std::string(allow));
    exchange->reply(json_response(fault.error.http_status, std::move(head), error_message(fault.id, fault.error)));
  }

  void acknowledge(const limits::Decision& decision, int status) const {
    exchange->reply({status, headers(&decision), "", ""});
  }
};

McpEndpoint::McpEndpoint(Settings settings, server::Gate& gate, const tools::Catalog& catalog,
                         store::Database& database, const Clock& clock, Random& random, Executor& executor,
                         TimerQueue& timers, Offers offers)
    : settings_(std::move(settings)),
      gate_(gate),
      executor_(executor),
      timers_(timers),
      origins_(settings_.listen_host, settings_.allowed_hosts, settings_.allowed_origins),
      sessions_(std::make_shared<Sessions>(database, clock, random, settings_.session_idle)),
      offers_(std::move(offers)),
      states_(state_key(database, random), clock),
      client_requests_(random),
      session_streams_(std::make_shared<SessionStreams>(database, clock, random, offers_)),
      http_sse_(random),
      dispatch_{settings_, gate,    catalog,    *sessions_,       clock,          timers,           executor,
                offers_,   states_, listeners_, client_requests_, waiting_calls_, *session_streams_} {
  schedule_sweep();
}

McpEndpoint::~McpEndpoint() {
  const auto id = sweep_.with([](Sweep& sweep) {
    sweep.is_over = true;
    return sweep.timer;
  });
  timers_.cancel(id);
  session_streams_->give_up_all();
}

void McpEndpoint::handle(std::shared_ptr<http::Exchange> exchange) {
  Incoming incoming;
  incoming.exchange = std::move(exchange);
  const http::Request& request = incoming.request();
  incoming.request_id = gate_.request_id(request);

  if (const auto refusal = origins_.refusal(request.headers)) {
    log::warning("mcp.origin_refused", {{"request_id", incoming.request_id}, {"reason", *refusal}});
    return incoming.refuse_stranger(transport_error(403, "Forbidden: " + *refusal));
  }
  if (const auto origin = request.headers.find("Origin")) {
    if (request.method == "OPTIONS") {
      incoming.exchange->reply(preflight_response(std::string(*origin),
                                                  request.headers.find("Access-Control-Request-Headers").value_or("")));
      return;
    }
    incoming.exchange = std::make_shared<CorsExchange>(incoming.exchange, std::string(*origin));
  }
  constexpr std::string_view kAllow = "POST, GET, DELETE";
  const bool is_post = request.method == "POST";
  if (!is_post && request.method != "GET" && request.method != "DELETE") {
    return incoming.refuse_stranger(
        transport_error(405, "Method not allowed: " + printable(request.method, 20) + "; MCP messages are POSTed"),
        kAllow);
  }
  auto caller = gate_.authenticate(request);
  if (!caller) {
    http::Response refused = server::error_response(caller.error(), incoming.request_id);
    if (const auto challenge = gate_.challenge(caller.error())) refused.headers.set("WWW-Authenticate", *challenge);
    if (refused.status == 429) {
      // Hosts show the body of a 429 as it is, so it is a sentence and not JSON.
      refused.content_type = "text/plain; charset=utf-8";
      refused.body = caller.error().message + "\n";
    }
    incoming.exchange->reply(std::move(refused));
    return;
  }
  incoming.caller = std::move(*caller);
  if (request.path != "/mcp") return handle_http_sse(incoming);
  if (is_post) return handle_post(incoming);
  if (request.method == "DELETE") return handle_delete(incoming);
  handle_get(incoming);
}

void McpEndpoint::handle_get(Incoming& incoming) {
  const http::Headers& headers = incoming.request().headers;
  // Exactly 405: other answers make clients reconnect for ever (MCP 2025-03-26 to 2025-11-25 streamable-http, "Listening").
  if (!headers.find("Mcp-Session-Id")) {
    return incoming.refuse(
        gate_,
        {nullptr, transport_error(405, "Method not allowed: GET opens the stream of a session; this one names none")},
        "POST");
  }
  if (!accepts(headers).event_stream) {
    return incoming.refuse(gate_,
                           {nullptr, transport_error(406, "Not acceptable: Accept must allow text/event-stream")});
  }
  const auto session = session_of(incoming, nullptr);
  if (!session) return;
  const limits::Decision state = admit_for_headers(gate_, *incoming.caller, "GET /mcp");
  const auto fault = open_session_stream(
      dispatch_, {incoming.exchange, incoming.caller, incoming.request_id, *session, incoming.headers(&state),
                  [&](Message message) { return call_in_session(incoming, std::move(message), *session); }});
  if (fault) incoming.refuse(gate_, {nullptr, *fault});
}

void McpEndpoint::handle_http_sse(Incoming& incoming) {
  const http::Request& request = incoming.request();
  const bool is_stream = request.path == kSsePath;
  if (request.method != (is_stream ? "GET" : "POST")) {
    return incoming.refuse(
        gate_,
        {nullptr, transport_error(405, "Method not allowed: " +
                                           std::string(is_stream ? "GET opens the stream" : "messages are POSTed"))},
        is_stream ? "GET" : "POST");
  }
  const SseRequest wanted{incoming.exchange, incoming.caller, incoming.request_id};
  if (is_stream) return http_sse_.open(dispatch_, wanted);
  if (!is_json_content(request.headers)) {
    return incoming.refuse(
        gate_, {nullptr, transport_error(415, "Unsupported media type: Content-Type must be application/json")});
  }
  if (request.body.size() > settings_.body_bytes_max) {
    return incoming.refuse(
        gate_, {nullptr, transport_error(413, "Payload too large: at most " + std::to_string(settings_.body_bytes_max) +
                                                  " bytes are accepted")});
  }
  http_sse_.post(dispatch_, wanted);
}

void McpEndpoint::handle_post(Incoming& incoming) {
  const http::Request& request = incoming.request();
  const auto refuse = [&](int status, std::string text) {
    incoming.refuse(gate_, {nullptr, transport_error(status, std::move(text))});
  };
  if (!is_json_content(request.headers)) {
    return refuse(415, "Unsupported media type: Content-Type must be application/json");
  }
  if (request.body.size() > settings_.body_bytes_max) {
    return refuse(413,
                  "Payload too large: at most " + std::to_string(settings_.body_bytes_max) + " bytes are accepted");
  }
  incoming.accepts = accepts(request.headers);
  if (!incoming.accepts.json && !incoming.accepts.event_stream) {
    return refuse(406, "Not acceptable: Accept must allow application/json or text/event-stream");
  }

  auto parsed = parse_body(request.body);
  if (const auto* fault = std::get_if<Fault>(&parsed)) return incoming.refuse(gate_, *fault);
  auto& body = std::get<Body>(parsed);
  const auto era = choose_era(body, request.headers);
  if (const auto* fault = std::get_if<Fault>(&era)) return incoming.refuse(gate_, *fault);
  if (body.is_batch) return handle_batch(incoming, std::move(body.elements));
  auto& message = std::get<Message>(body.elements.front());
  if (std::get<Era>(era) == Era::modern) return handle_modern(incoming, std::move(message));
  handle_session(incoming, std::move(message));
}

std::shared_ptr<Call> McpEndpoint::call_of(Incoming& incoming, Message message, Revision revision) {
  auto call = std::make_shared<Call>();
  call->message = std::move(message);
  call->revision = revision;
  call->caller = incoming.caller;
  call->request_id = incoming.request_id;
  call->server_version = settings_.version;
  call->filter = ToolFilter::of(incoming.request());
  return call;
}

void McpEndpoint::handle_modern(Incoming& incoming, Message message) {
  if (message.kind == Message::Kind::notification) {
    auto call = call_of(incoming, std::move(message), kModernRevision);
    if (auto fault = fault_of_notification(call->message)) return incoming.refuse(gate_, *fault);
    dispatch_call(dispatch_, call);
    return incoming.acknowledge(call->decision, 202);
  }
  auto envelope = check_envelope(message, incoming.request().headers);
  if (const auto* fault = std::get_if<Fault>(&envelope)) return incoming.refuse(gate_, *fault);
  auto& read = std::get<Envelope>(envelope);
  auto call = call_of(incoming, std::move(message), read.revision);
  call->client_capabilities = std::move(read.client_capabilities);
  call->log_level = std::move(read.log_level);
  call->request_headers = incoming.request().headers;
  if (const std::string trace = trace_parent(call->message); !trace.empty()) {
    log::info("mcp.trace", {{"request_id", call->request_id}, {"traceparent", printable(trace)}});
  }
  call->port = std::make_shared<HttpReply>(incoming.exchange, incoming.accepts);
  dispatch_call(dispatch_, call);
}

std::shared_ptr<Call> McpEndpoint::call_in_session(Incoming& incoming, Message message,
                                                   const store::SessionRow& session) {
  auto call =
      call_of(incoming, std::move(message), revision_from(session.protocol_version).value_or(kLatestSessionRevision));
  call->client_capabilities = session.client_capabilities;
  call->session_id = session.id;
  call->log_level = session.log_level;
  call->repetition_token = repetition_token(session.id, call->message);
  return call;
}

std::optional<store::SessionRow> McpEndpoint::session_of(Incoming& incoming, const Json& id) {
  const http::Headers& headers = incoming.request().headers;
  const auto refuse = [&](int status, int code, std::string text) {
    incoming.refuse(gate_, {id, {code, std::move(text), nullptr, status}});
    return std::nullopt;
  };
  if (const auto version = headers.find("MCP-Protocol-Version")) {
    const auto revision = revision_from(*version);
    if (!revision || !has_sessions(*revision)) {
      return refuse(400, code::kTransport,
                    "Bad request: MCP-Protocol-Version \"" + printable(*version, 40) +
                        "\" is not supported; use the version that initialize answered");
    }
  }
  const auto session_id = headers.find("Mcp-Session-Id");
  if (!session_id) {
    return refuse(400, code::kTransport,
                  "Bad request: Mcp-Session-Id is missing; send initialize first and then the id that it answers with");
  }
  auto session = dispatch_.sessions.find(*session_id, *incoming.caller);
  if (session) return std::move(*session);
  if (session.error().code == ErrorCode::not_found) return refuse(404, code::kSessionNotFound, session.error().message);
  return refuse(server::http_status(session.error().code), code::kInternalError, session.error().message);
}

void McpEndpoint::handle_session(Incoming& incoming, Message message) {
  const bool is_request = message.kind == Message::Kind::request;
  auto call = call_of(incoming, std::move(message), kLatestSessionRevision);
  if (!is_request || call->message.method != "initialize") {
    const auto session = session_of(incoming, call->message.id);
    if (!session) return;
    call = call_in_session(incoming, std::move(call->message), *session);
  }
  if (is_request && call->session_id.empty()) {
    call->port = std::make_shared<HttpReply>(incoming.exchange, incoming.accepts);
    return dispatch_call(dispatch_, call);
  }
  if (is_request) {
    call->port = std::make_shared<SessionReply>(incoming.exchange, incoming.accepts, *session_streams_,
                                                call->session_id, priming_of(call->revision), call->message);
    return dispatch_call(dispatch_, call);
  }
  if (call->message.kind == Message::Kind::notification) {
    if (auto fault = fault_of_notification(call->message)) return incoming.refuse(gate_, *fault);
  }
  if (call->message.kind == Message::Kind::response) {
    // An answer that nobody waits for any more is accepted all the same: the client could not know.
    client_requests_.answer(call->session_id, call->message.id, std::move(call->message.result));
    return incoming.acknowledge(admit_for_headers(gate_, *call->caller, "mcp/response"), 202);
  }
  dispatch_call(dispatch_, call);
  incoming.acknowledge(call->decision, 202);
}

void McpEndpoint::handle_batch(Incoming& incoming, std::vector<Element> elements) {
  const auto refuse = [&](std::string text) {
    incoming.refuse(gate_, {nullptr, {code::kInvalidRequest, "Invalid request: " + std::move(text), nullptr, 400}});
  };
  const auto is_initialize = [](const Element& element) {
    const auto* message = std::get_if<Message>(&element);
    return message != nullptr && message->method == "initialize";
  };
  if (std::ranges::any_of(elements, is_initialize)) return refuse("initialize is never part of a batch");
  const auto session = session_of(incoming, nullptr);
  if (!session) return;
  const Revision revision = revision_from(session->protocol_version).value_or(kLatestSessionRevision);
  if (!features_of(revision).has_batches) {
    return refuse("batches exist only in 2025-03-26; this session speaks " + std::string(to_string(revision)));
  }

  const auto is_answered = [](const Element& element) {
    const auto* message = std::get_if<Message>(&element);
    return message == nullptr || message->kind == Message::Kind::request;
  };
  const auto slots = static_cast<std::size_t>(std::ranges::count_if(elements, is_answered));
  const limits::Decision state = admit_for_headers(gate_, *incoming.caller, "mcp/batch");
  std::shared_ptr<BatchReply> batch;
  if (slots > 0) batch = std::make_shared<BatchReply>(incoming.exchange, slots, incoming.headers(&state));
  std::size_t next_slot = 0;
  for (Element& element : elements) {
    if (const auto* fault = std::get_if<Fault>(&element)) {
      batch->send(next_slot++, {error_message(fault->id, fault->error), 200, {}});
      continue;
    }
    auto call = call_in_session(incoming, std::move(std::get<Message>(element)), *session);
    if (call->message.kind == Message::Kind::request) call->port = batch->slot(next_slot++);
    dispatch_call(dispatch_, call);
  }
  if (slots == 0) incoming.acknowledge(state, 202);
}

void McpEndpoint::handle_delete(Incoming& incoming) {
  const auto session = session_of(incoming, nullptr);
  if (!session) return;
  if (auto ended = dispatch_.sessions.end(session->id, *incoming.caller); !ended) {
    return incoming.refuse(
        gate_,
        {nullptr, {code::kSessionNotFound, ended.error().message, nullptr, server::http_status(ended.error().code)}});
  }
  session_streams_->end(session->id);
  incoming.acknowledge(admit_for_headers(gate_, *incoming.caller, "DELETE /mcp"), 204);
}

void McpEndpoint::schedule_sweep() {
  sweep_.with([this](Sweep& sweep) {
    if (sweep.is_over) return;
    sweep.timer = timers_.at(std::chrono::steady_clock::now() + kSweepInterval, [this] {
      executor_.post([sessions = sessions_, streams = session_streams_] {
        streams->sweep();
        if (const auto removed = sessions->sweep(); !removed) {
          log::warning("mcp.session_sweep_failed", {{"cause", removed.error().cause}});
        }
      });
      schedule_sweep();
    });
  });
}

}  // namespace weir::mcp

#include "server/mcp/sessions/http_sse.h"

#include <map>
#include <vector>

#include "base/log.h"
#include "server/error_reply.h"
#include "server/mcp/http_reply.h"
#include "streaming/sse.h"

namespace weir::mcp {

namespace {

// Cannot be guessed; the key is checked all the same.
constexpr std::size_t kIdCharacters = 43;

http::Headers headers_of(const Dispatch& dispatch, const SseRequest& request, std::string_view name) {
  http::Headers headers;
  headers.add("X-Request-ID", request.request_id);
  server::add_rate_headers(headers, admit_for_headers(dispatch.gate, *request.caller, name));
  return headers;
}

void refuse(const Dispatch& dispatch, const SseRequest& request, const Fault& fault) {
  request.exchange->reply(json_response(fault.error.http_status, headers_of(dispatch, request, "mcp/refused"),
                                        error_message(fault.id, fault.error)));
}

RpcError transport_error(int status, std::string text) { return {code::kTransport, std::move(text), nullptr, status}; }

}  // namespace

// What the session's subscriptions are told on: passes frames on to the one stream that there is. Thread-safe.
class HttpSse::Listening final : public http::SseStream {
 public:
  explicit Listening(std::shared_ptr<http::SseStream> stream) : stream_(std::move(stream)) {}

  bool send(std::shared_ptr<const std::string> frame) override {
    return !is_closed() && stream_->send(std::move(frame));
  }
  void close() override {
    std::function<void()> callback = closed_.with([](Closed& closed) {
      closed.is_closed = true;
      return std::exchange(closed.callback, nullptr);
    });
    if (callback) callback();
  }
  [[nodiscard]] bool is_closed() const override {
    return closed_.with([](const Closed& closed) { return closed.is_closed; }) || stream_->is_closed();
  }
  void on_closed(std::function<void()> callback) override {
    const bool is_over = closed_.with([&](Closed& closed) {
      if (!closed.is_closed) closed.callback.swap(callback);
      return closed.is_closed;
    });
    if (is_over && callback) callback();
  }

 private:
  struct Closed {
    bool is_closed = false;
    std::function<void()> callback;
  };
  const std::shared_ptr<http::SseStream> stream_;
  Guarded<Closed> closed_;
};

// One open stream and the session on it. Thread-safe. Shared by the registry and the calls in progress.
class HttpSse::Connection : public std::enable_shared_from_this<HttpSse::Connection> {
 public:
  Connection(const Dispatch& dispatch, std::shared_ptr<const tools::Caller> caller,
             std::shared_ptr<http::SseStream> stream)
      : dispatch_(dispatch), caller_(std::move(caller)), stream_(std::move(stream)) {}

  [[nodiscard]] const std::string& key_id() const { return caller_->key_id; }
  void send(const Json& message) { stream_->send(message_frame(message)); }

  // The stored session, "" before initialize.
  [[nodiscard]] std::string session_id() const {
    return state_.with([](const State& state) { return state.session_id; });
  }
  // initialize has opened one: from here on its subscriptions are told. Blocks for the database.
  void set_session(const std::string& id) {
    tools::CallContext context;
    context.caller = caller_;
    context.surface = tools::Surface::mcp;
    auto listening = std::make_shared<Listening>(stream_);
    const std::string earlier = state_.with([&](State& state) {
      state.listening = listening;
      return std::exchange(state.session_id, id);
    });
    if (!earlier.empty()) end_session(dispatch_, caller_, earlier);
    if (const auto stream = dispatch_.session_streams.listen(context, id))
      (*stream)->attach(listening, 0, Priming::none);
  }

  // One callback for each port; none is kept.
  void on_departed(const void* port, std::function<void()> callback) {
    const bool has_left = state_.with([&](State& state) {
      if (!state.has_left) std::swap(state.departures[port], callback);
      return state.has_left;
    });
    if (has_left) callback();
  }
  void forget(const void* port) {
    const auto removed = state_.with([&](State& state) { return state.departures.extract(port); });
  }

  // The stream has ended, and the session with it. Never blocks.
  void leave() {
    auto [departures, listening, id] = state_.with([](State& state) {
      state.has_left = true;
      return std::tuple{std::exchange(state.departures, {}), std::exchange(state.listening, nullptr), state.session_id};
    });
    if (listening) listening->close();
    for (const auto& [port, callback] : departures) callback();
    if (id.empty()) return;
    dispatch_.executor.post([dispatch = dispatch_, caller = caller_, id] { end_session(dispatch, caller, id); });
  }

 private:
  struct State {
    std::string session_id;
    std::shared_ptr<Listening> listening;
    std::map<const void*, std::function<void()>> departures;
    bool has_left = false;
  };

  static void end_session(const Dispatch& dispatch, const std::shared_ptr<const tools::Caller>& caller,
                          const std::string& id) {
    dispatch.session_streams.end(id);
    if (const auto ended = dispatch.sessions.end(id, *caller); !ended && ended.error().code != ErrorCode::not_found) {
      log::warning("mcp.session_not_ended", {{"cause", ended.error().cause}});
    }
  }

  const Dispatch dispatch_;
  const std::shared_ptr<const tools::Caller> caller_;
  const std::shared_ptr<http::SseStream> stream_;
  Guarded<State> state_;
};

// The answer to one message goes out on the connection's stream. Thread-safe.
class HttpSse::Port final : public ReplyPort {
 public:
  explicit Port(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~Port() override { connection_->forget(this); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  void send(Answer answer) override {
    if (is_answered_.exchange(true)) return;
    // initialize's; this transport has no header to name it in.
    if (const auto session = answer.headers.find("Mcp-Session-Id")) connection_->set_session(std::string(*session));
    connection_->send(answer.message);
  }
  void end(Answer) override { is_answered_ = true; }
  bool open_stream(const http::Headers&) override { return !is_answered_; }
  void notify(const Json& notification) override { connection_->send(notification); }
  void on_departed(std::function<void()> callback) override { connection_->on_departed(this, std::move(callback)); }

 private:
  const std::shared_ptr<Connection> connection_;
  std::atomic<bool> is_answered_{false};
};

void HttpSse::open(const Dispatch& dispatch, const SseRequest& request) {
  if (size() >= kSseConnectionsMax) {
    return refuse(dispatch, request, {nullptr, transport_error(503, "Too many streams are open; try again later")});
  }
  const auto stream = request.exchange->start_stream(stream_head(headers_of(dispatch, request, "GET /sse")));
  if (!stream) return;
  const std::string id = random_.base62(kIdCharacters);
  auto connection = std::make_shared<Connection>(dispatch, request.caller, stream);
  connections_->with([&](Connections& all) { all.emplace(id, connection); });
  // The first event names where to POST (MCP 2024-11-05 "HTTP with SSE").
  stream->send(std::make_shared<const std::string>(
      streaming::encode_sse({"", "endpoint", std::string(kMessagesPath) + "?session_id=" + id, std::nullopt})));
  stream->on_closed([weak = std::weak_ptr(connections_), id] {
    const auto connections = weak.lock();
    if (!connections) return;
    const auto closed = connections->with([&](Connections& all) { return all.extract(id); });
    if (!closed.empty()) closed.mapped()->leave();
  });
}

void HttpSse::post(const Dispatch& dispatch, const SseRequest& request) {
  const auto id = request.exchange->request().query_value("session_id");
  const auto connection = connections_->with([&](const Connections& all) -> std::shared_ptr<Connection> {
    const auto found = id ? all.find(std::string(*id)) : all.end();
    return found == all.end() ? nullptr : found->second;
  });
  if (connection == nullptr || connection->key_id() != request.caller->key_id) {
    return refuse(dispatch, request,
                  {nullptr, transport_error(404, "Not found: no open stream has that session_id; GET /sse first")});
  }
  auto parsed = parse_body(request.exchange->request().body);
  if (const auto* fault = std::get_if<Fault>(&parsed)) return refuse(dispatch, request, *fault);
  auto& body = std::get<Body>(parsed);
  if (body.is_batch) {
    return refuse(dispatch, request,
                  {nullptr, {code::kInvalidRequest, "Invalid request: this transport has no batches", nullptr, 400}});
  }
  auto call = std::make_shared<Call>();
  call->message = std::move(std::get<Message>(body.elements.front()));
  call->revision = Revision::r2024_11_05;
  call->caller = request.caller;
  call->request_id = request.request_id;
  call->server_version = dispatch.settings.version;
  call->session_id = connection->session_id();
  if (!call->session_id.empty()) {
    const auto session = dispatch.sessions.find(call->session_id, *request.caller);
    if (!session) return refuse(dispatch, request, {call->message.id, transport_error(404, session.error().message)});
    call->revision = revision_from(session->protocol_version).value_or(Revision::r2024_11_05);
    call->client_capabilities = session->client_capabilities;
    call->log_level = session->log_level;
  } else if (call->message.kind == Message::Kind::request && call->message.method != "initialize" &&
             call->message.method != "ping") {
    return refuse(dispatch, request,
                  {call->message.id, {code::kInvalidRequest, "Invalid request: initialize first", nullptr, 400}});
  }
  request.exchange->reply({202, headers_of(dispatch, request, "POST /messages"), "", ""});
  if (call->message.kind == Message::Kind::response) {
    dispatch.client_requests.answer(call->session_id, call->message.id, std::move(call->message.result));
    return;
  }
  if (call->message.kind == Message::Kind::request) call->port = std::make_shared<Port>(connection);
  dispatch_call(dispatch, call);
}

std::size_t HttpSse::size() const {
  return connections_->with([](const Connections& all) { return all.size(); });
}

}  // namespace weir::mcp

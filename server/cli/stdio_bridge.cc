#include "server/cli/stdio_bridge.h"

#include <algorithm>
#include <array>

#include "base/hmac.h"
#include "base/log.h"
#include "server/cli/client.h"
#include "streaming/sse.h"

namespace weir::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kAnswerBytesMax = 32 * 1024 * 1024;
constexpr std::size_t kIdleClientsMax = 8;  // each keeps a connection
constexpr int kResumesMax = 5;              // in a row without an event
constexpr milliseconds kReconnectDelay{1'000};
constexpr milliseconds kReconnectDelayMax{30'000};
constexpr int kTransportError = -32000;
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kBusy = 429;
constexpr std::string_view kVersionKey = "io.modelcontextprotocol/protocolVersion";

std::string method_of(const Json& message) { return string_or(message, "method", ""); }
Json id_of(const Json& message) {
  const Json* id = find_member(message, "id");
  return id == nullptr ? Json() : *id;
}
bool is_request(const Json& message) {
  return message.is_array() || (!method_of(message).empty() && !id_of(message).is_null());
}

// The revision that a message of the stateless era names in its envelope, "" in a session.
std::string envelope_version(const Json& message) {
  const Json* params = find_member(message, "params");
  const Json* meta = params == nullptr ? nullptr : find_member(*params, "_meta");
  return meta == nullptr ? "" : string_or(*meta, kVersionKey, "");
}

// As a header may carry it: MCP 2026-07-28 streamable-http, "Header encoding".
std::string header_value(const std::string& text) {
  const bool is_plain = !text.empty() && text.front() != ' ' && text.back() != ' ' && !text.starts_with("=?base64?") &&
                        std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
  return is_plain ? text : "=?base64?" + to_base64(text) + "?=";
}

// What Mcp-Name repeats, "" if the method has none.
std::string name_of(const Json& message) {
  const Json* params = find_member(message, "params");
  if (params == nullptr) return "";
  const std::string method = method_of(message);
  if (method == "tools/call" || method == "prompts/get") return string_or(*params, "name", "");
  if (method == "resources/read") return string_or(*params, "uri", "");
  return method.starts_with("tasks/") ? string_or(*params, "taskId", "") : "";
}

Json error_message(Json id, int code, std::string text) {
  return {{"jsonrpc", "2.0"}, {"id", std::move(id)}, {"error", {{"code", code}, {"message", std::move(text)}}}};
}

bool is_answer_to(const Json& message, const Json& id) {
  return message.is_array() || (find_member(message, "method") == nullptr && id_of(message) == id);
}

// What a person can do about an HTTP answer that is no JSON-RPC.
std::string explained(int status, const std::string& text) {
  if (status == 0) return text;
  const auto body = parse_json(text);
  std::string message = body ? string_or(*body, "message", "") : text;
  while (message.ends_with('\n')) message.pop_back();
  return "HTTP " + std::to_string(status) + (message.empty() ? "." : ": " + printable(message, 500));
}

void wait_for(milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
}

// The messages in the body of an answer, JSON or a stream, which shows in its first character. Not thread-safe: owned
// by one request.
class BodyReader {
 public:
  using OnMessage = std::function<bool(const Json& message)>;
  explicit BodyReader(OnMessage on_message) : on_message_(std::move(on_message)) {}

  bool feed(std::string_view piece) {
    if (kind_ == Kind::unknown) {
      const std::size_t first = piece.find_first_not_of(" \t\r\n");
      if (first == std::string_view::npos) return true;
      kind_ = piece[first] == '{' || piece[first] == '[' ? Kind::json : Kind::stream;
    }
    if (kind_ == Kind::json) {
      text_ += piece;
      return text_.size() <= kAnswerBytesMax;
    }
    for (const streaming::SseEvent& event : decoder_.feed(piece)) {
      if (event.data.empty()) continue;  // a priming event
      has_events_ = true;
      const auto message = parse_json(event.data);
      if (!message) {
        log::warning("stdio.event_is_no_json", {{"message", message.error().message}});
      } else if (!on_message_(*message)) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& last_id() const { return decoder_.last_id(); }
  [[nodiscard]] bool is_stream() const { return kind_ == Kind::stream; }
  [[nodiscard]] bool has_events() const { return has_events_; }

 private:
  enum class Kind { unknown, json, stream };
  OnMessage on_message_;
  Kind kind_ = Kind::unknown;
  std::string text_;
  streaming::SseDecoder decoder_;
  bool has_events_ = false;
};

}  // namespace

StdioBridge::StdioBridge(egress::Url url, std::string key, Write write)
    : url_(std::move(url)),
      key_(std::move(key)),
      write_(std::move(write)),
      policy_(client_policy()),
      resolver_(egress::system_resolver()) {}

StdioBridge::~StdioBridge() { finish(milliseconds{0}); }

void StdioBridge::write(const Json& message) {
  const std::lock_guard lock(write_mutex_);
  write_(message);
}

StdioBridge::Session StdioBridge::session() const {
  const std::lock_guard lock(mutex_);
  return session_;
}

void StdioBridge::take(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  auto message = parse_json(line);
  if (!message) return write(error_message(nullptr, kParseError, "Parse error: " + message.error().message));
  if (!message->is_object() && !message->is_array()) {
    return write(
        error_message(nullptr, kInvalidRequest,
                      "Invalid request: a message is an object, not " + std::string(json_type(*message)) + "."));
  }
  reap();
  if (method_of(*message) == "initialize" && envelope_version(*message).empty()) return initialize(*message);
  if (is_request(*message)) return start(*std::move(message));
  if (method_of(*message) == "notifications/cancelled") {
    cancel(*message);
    // Without a session there is nobody to pass it on to.
    if (session().id.empty()) return;
  }
  acknowledge(*message);
}

void StdioBridge::refuse_long_line(std::size_t line_bytes_max) {
  write(error_message(nullptr, kInvalidRequest,
                      "Invalid request: a line may have at most " + std::to_string(line_bytes_max) + " bytes."));
}

void StdioBridge::start(Json message) {
  const std::lock_guard lock(mutex_);
  if (in_flight_.size() >= kInFlightMax) {
    return write(error_message(
        id_of(message), kBusy,
        "Too many calls at once: at most " + std::to_string(kInFlightMax) + " may wait for their answers."));
  }
  InFlight& entry = in_flight_.emplace_back();
  entry.id = id_of(message);
  entry.is_stream = method_of(message) == "subscriptions/listen";
  entry.thread = std::jthread([this, &entry, message = std::move(message)](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "stdio-call");
    answer(message, stop);
    const std::lock_guard over(mutex_);
    entry.is_over = true;
    changed_.notify_all();
  });
}

// Joins the threads that are done.
void StdioBridge::reap() {
  std::list<InFlight> done;
  const std::lock_guard lock(mutex_);
  for (auto entry = in_flight_.begin(); entry != in_flight_.end();) {
    const auto next = std::next(entry);
    if (entry->is_over) done.splice(done.end(), in_flight_, entry);
    entry = next;
  }
}

egress::HttpRequest StdioBridge::request_for(std::string_view method, const Session& session) const {
  egress::HttpRequest request;
  request.method = method;
  request.url = url_;
  request.url.path = "/mcp";
  if (!key_.empty()) request.headers.emplace_back("Authorization", "Bearer " + key_);
  if (!session.id.empty()) request.headers.emplace_back("Mcp-Session-Id", session.id);
  if (!session.revision.empty()) request.headers.emplace_back("MCP-Protocol-Version", session.revision);
  request.body_bytes_max = kAnswerBytesMax;
  return request;
}

void StdioBridge::add_message_headers(egress::HttpRequest& request, const Json& message) const {
  const std::string version = envelope_version(message);
  if (version.empty()) return;
  request.headers.emplace_back("MCP-Protocol-Version", header_value(version));
  request.headers.emplace_back("Mcp-Method", header_value(method_of(message)));
  if (const std::string name = name_of(message); !name.empty())
    request.headers.emplace_back("Mcp-Name", header_value(name));
}

StdioBridge::Outcome StdioBridge::receive(egress::HttpRequest request, const Json& id, const std::stop_token& stop) {
  std::unique_ptr<egress::HttpClient> client;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_clients_.empty()) {
      client = std::move(idle_clients_.back());
      idle_clients_.pop_back();
    }
  }
  if (!client)
    client = std::make_unique<egress::HttpClient>(policy_, *resolver_, std::string("weir-stdio/") + WEIR_VERSION);

  Outcome outcome;
  BodyReader reader([&](const Json& message) {
    write(message);
    outcome.is_answered = outcome.is_answered || (!id.is_null() && is_answer_to(message, id));
    // What follows the answer is the end of the stream; the connection is kept if it may come.
    return true;
  });
  request.on_body = [&](std::string_view piece) { return reader.feed(piece); };
  auto response = client->send(request, stop);
  outcome.last_event_id = reader.last_id();
  if (!response) {
    outcome.text = "No answer from " + url_.origin() + ": " + response.error().message;
    // A stream that broke had begun with 200.
    if (reader.is_stream()) outcome.status = 200;
    return outcome;
  }
  outcome.status = response->status;
  outcome.text = reader.text().empty() ? response->body : reader.text();
  if (const auto session_id = response->header("Mcp-Session-Id")) outcome.session_id = *session_id;
  const std::lock_guard lock(mutex_);
  if (idle_clients_.size() < kIdleClientsMax) idle_clients_.push_back(std::move(client));
  return outcome;
}

StdioBridge::Outcome StdioBridge::post(const Json& message, const Session& session, milliseconds timeout,
                                       const std::stop_token& stop) {
  const bool is_modern = !envelope_version(message).empty();
  egress::HttpRequest request = request_for("POST", is_modern ? Session{} : session);
  add_message_headers(request, message);
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back("Accept", "application/json, text/event-stream");
  request.body = to_text(message);
  request.timeout = timeout;
  return receive(std::move(request), id_of(message), stop);
}

// MCP 2025-11-25 streamable-http, "Resumability": the rest of a broken stream, over GET.
StdioBridge::Outcome StdioBridge::resume(Outcome broken, const Json& id, const Session& session,
                                         const std::stop_token& stop) {
  for (int i = 0; i < kResumesMax && !stop.stop_requested(); ++i) {
    wait_for(kReconnectDelay, stop);
    egress::HttpRequest request = request_for("GET", session);
    request.headers.emplace_back("Accept", "text/event-stream");
    request.headers.emplace_back("Last-Event-ID", broken.last_event_id);
    request.timeout = kAnswerTimeout;
    Outcome rest = receive(std::move(request), id, stop);
    if (rest.is_answered) return rest;
    if (rest.status != 200 && rest.status != 0) return broken;
    if (!rest.last_event_id.empty() && rest.last_event_id != broken.last_event_id) i = -1;
    if (!rest.last_event_id.empty()) broken.last_event_id = rest.last_event_id;
  }
  return broken;
}

void StdioBridge::answer(const Json& message, const std::stop_token& stop) {
  Session used = session();
  Outcome outcome = post(message, used, kAnswerTimeout, stop);
  const bool is_modern = !envelope_version(message).empty();
  if (!is_modern && outcome.status == 404 && !used.id.empty() && reopen()) {
    used = session();
    outcome = post(message, used, kAnswerTimeout, stop);
  }
  if (!is_modern && !outcome.is_answered && outcome.status == 200 && !outcome.last_event_id.empty()) {
    outcome = resume(std::move(outcome), id_of(message), used, stop);
  }
  // A request that the host has cancelled gets no answer.
  if (!stop.stop_requested()) deliver(message, outcome);
}

void StdioBridge::deliver(const Json& message, const Outcome& outcome) {
  if (outcome.is_answered) return;
  const Json id = id_of(message);
  auto body = parse_json(outcome.text);
  if (body && body->is_array()) return write(*body);
  const bool is_rpc = body && (find_member(*body, "result") != nullptr || find_member(*body, "error") != nullptr) &&
                      find_member(*body, "jsonrpc") != nullptr;
  if (is_rpc) {
    if (id_of(*body).is_null()) (*body)["id"] = id;
    return write(*body);
  }
  if (outcome.status == 202 || message.is_array()) return;
  const bool is_cut = outcome.status == 200;
  const int code = outcome.status == kBusy ? kBusy : kTransportError;
  write(error_message(
      id, code, is_cut ? "The server's answer broke off before its end." : explained(outcome.status, outcome.text)));
}

void StdioBridge::acknowledge(const Json& message) {
  const Outcome outcome = post(message, session(), kAcknowledgeTimeout, {});
  if (outcome.status < 200 || outcome.status >= 300) {
    log::warning("stdio.not_acknowledged",
                 {{"method", method_of(message)}, {"reason", explained(outcome.status, outcome.text)}});
    return;
  }
  if (method_of(message) != "notifications/initialized" || session().id.empty()) return;
  listener_ = std::jthread([this](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "stdio-listen");
    listen(stop);
  });
}

void StdioBridge::initialize(const Json& message) {
  listener_ = {};
  const Outcome outcome = post(message, {}, kAcknowledgeTimeout, {});
  const auto body = parse_json(outcome.text);
  const Json* result = body ? find_member(*body, "result") : nullptr;
  if (result != nullptr) {
    const std::lock_guard lock(mutex_);
    session_ = {.id = outcome.session_id, .revision = string_or(*result, "protocolVersion", ""), .opening = message};
  }
  deliver(message, outcome);
}

// The server has forgotten the session, of which the host knows nothing.
Result<void> StdioBridge::reopen() {
  Session old = session();
  const Outcome outcome = post(old.opening, {}, kAcknowledgeTimeout, {});
  const auto body = parse_json(outcome.text);
  const Json* result = body ? find_member(*body, "result") : nullptr;
  if (result == nullptr || outcome.session_id.empty()) {
    return Error(ErrorCode::unavailable, "the session could not be opened again");
  }
  old.id = outcome.session_id;
  post({{"jsonrpc", "2.0"}, {"method", "notifications/initialized"}}, old, kAcknowledgeTimeout, {});
  log::info("stdio.session_opened_again");
  const std::lock_guard lock(mutex_);
  session_ = old;
  return {};
}

// HTTP of 2026-07-28 is cancelled by closing the answer's stream; in a session the notification itself goes on.
void StdioBridge::cancel(const Json& message) {
  const Json* params = find_member(message, "params");
  const Json* id = params == nullptr ? nullptr : find_member(*params, "requestId");
  if (id == nullptr) return;
  const std::lock_guard lock(mutex_);
  for (InFlight& entry : in_flight_) {
    if (entry.id == *id) entry.thread.request_stop();
  }
}

void StdioBridge::listen(const std::stop_token& stop) {
  milliseconds delay = kReconnectDelay;
  std::string last_id;
  while (!stop.stop_requested()) {
    egress::HttpRequest request = request_for("GET", session());
    request.headers.emplace_back("Accept", "text/event-stream");
    if (!last_id.empty()) request.headers.emplace_back("Last-Event-ID", last_id);
    request.timeout = kAnswerTimeout;
    const Outcome outcome = receive(std::move(request), Json(), stop);
    if (!outcome.last_event_id.empty()) {
      last_id = outcome.last_event_id;
      delay = kReconnectDelay;
    }
    // 405: nothing to hear. 404: the next request opens the session again.
    if (outcome.status == 405) return;
    if (outcome.status == 404) last_id.clear();
    wait_for(delay, stop);
    delay = std::min(delay * 2, kReconnectDelayMax);
  }
}

void StdioBridge::finish(milliseconds patience) {
  listener_ = {};
  {
    std::unique_lock lock(mutex_);
    for (InFlight& entry : in_flight_) {
      if (entry.is_stream) entry.thread.request_stop();
    }
    changed_.wait_for(lock, patience, [this] {
      return std::ranges::all_of(in_flight_, [](const InFlight& entry) { return entry.is_over; });
    });
    for (InFlight& entry : in_flight_) entry.thread.request_stop();
  }
  // Their threads take the mutex before they end.
  in_flight_.clear();
}

}  // namespace weir::cli

#include "tools/mcp_servers/http_transport.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/guarded.h"
#include "base/log.h"
#include "streaming/sse.h"

namespace weir::tools::mcp_servers {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::string_view kUserAgent = "weir/" WEIR_VERSION " (mcp client)";
// All events of one answer; a server that talks for longer is broken.
constexpr std::size_t kStreamBytesMax = 4 * kMessageBytesMax;
// MCP 2025-11-25: a server may end a stream before its answer, and the client comes back for the rest.
constexpr int kResumesMax = 20;
constexpr milliseconds kResumeDelay{1'000};
constexpr milliseconds kResumeDelayMax{10'000};
// For what a server asks while its answer is being read.
constexpr milliseconds kAnswerTimeout{5'000};
// Of a stream that is only listened to; then it is opened again.
constexpr std::chrono::hours kListenFor{1};
constexpr std::size_t kSessionIdBytesMax = 512;
constexpr std::size_t kRefusalBytesMax = 64 * 1024;
constexpr std::size_t kQuotedBytesMax = 200;

bool is_session_id(std::string_view text) {  // MCP 2025-03-26: visible ASCII
  return !text.empty() && text.size() <= kSessionIdBytesMax &&
         std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
}

milliseconds time_left(steady_clock::time_point deadline) {
  return std::max(milliseconds{1}, std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()));
}

// Reads the body of one answer as it arrives. Not thread-safe: owned by one exchange.
class BodyReader {
 public:
  using Take = std::function<bool(const Incoming&)>;  // false: that was the answer

  BodyReader(Take take, streaming::SseDecoder& events) : take_(std::move(take)), events_(events) {}

  // False: nothing more is needed, or fault() says why it cannot be read.
  bool feed(std::string_view piece) {
    bytes_ += piece.size();
    if (kind_ == Kind::unknown) {
      const std::size_t first = piece.find_first_not_of(" \t\r\n");
      if (first == std::string_view::npos) return bytes_ <= kMessageBytesMax;
      kind_ = piece[first] == '{' || piece[first] == '[' ? Kind::json : Kind::events;
    }
    if (kind_ == Kind::json) {
      if (bytes_ > kMessageBytesMax) return stop_for_size();
      text_.append(piece);
      return true;
    }
    if (bytes_ > kStreamBytesMax) {
      return stop("its stream is longer than " + std::to_string(kStreamBytesMax) + " bytes");
    }
    for (const streaming::SseEvent& event : events_.feed(piece)) {
      if (event.retry) retry_ = *event.retry;
      if (event.data.size() > kMessageBytesMax) return stop_for_size();
      if (!event.data.empty() && !take_all(event.data)) return false;
    }
    return true;
  }
  // The body has ended, with this content type.
  void end(std::string_view content_type) {
    if (!fault_.empty() || is_answered_) return;
    const bool says_json = content_type.starts_with("application/json");
    const bool says_events = content_type.starts_with("text/event-stream");
    if (bytes_ > 0 && ((kind_ == Kind::json && !says_json) || (kind_ != Kind::json && !says_events))) {
      fault_ = "it answered with content type \"" + printable(content_type, kQuotedBytesMax) +
               "\" instead of JSON or an event stream; is this the URL of an MCP endpoint?";
      return;
    }
    if (kind_ == Kind::json) take_all(text_);
  }

  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] bool is_answered() const { return is_answered_; }
  [[nodiscard]] milliseconds retry() const { return std::clamp(retry_, milliseconds{0}, kResumeDelayMax); }

 private:
  enum class Kind : std::uint8_t { unknown, json, events };

  bool stop(std::string fault) {
    fault_ = std::move(fault);
    return false;
  }
  bool stop_for_size() { return stop("its answer is larger than " + std::to_string(kMessageBytesMax) + " bytes"); }
  bool take_all(std::string_view text) {
    auto messages = read_messages(text);
    if (!messages) return stop("it sent what is " + messages.error().message);
    for (const Incoming& message : *messages) is_answered_ = !take_(message) || is_answered_;
    return !is_answered_;
  }

  const Take take_;
  streaming::SseDecoder& events_;
  Kind kind_ = Kind::unknown;
  std::size_t bytes_ = 0;
  std::string text_;
  std::string fault_;
  milliseconds retry_ = kResumeDelay;
  bool is_answered_ = false;
};

// Either of two stops. Not thread-safe: owned by one exchange.
class EitherStop {
 public:
  EitherStop(const std::stop_token& one, const std::stop_token& other)
      : first_(one, Ask{source_}), second_(other, Ask{source_}) {}
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  struct Ask {
    std::stop_source& source;
    void operator()() const { source.request_stop(); }
  };
  std::stop_source source_;
  std::stop_callback<Ask> first_;
  std::stop_callback<Ask> second_;
};

}  // namespace

egress::AddressPolicy policy_for(const ServerSpec& spec, std::uint16_t own_port) {
  egress::PolicySettings settings;
  if (spec.url) {
    const auto literal = egress::IpAddress::parse(spec.url->host);
    settings.allow_loopback =
        spec.url->host == "localhost" || (literal && literal->address_class() == egress::AddressClass::loopback);
  }
  settings.allowed_private = spec.allow_private;
  settings.own_port = own_port;
  settings.settings_group = "mcp_servers." + spec.alias;
  return egress::AddressPolicy(std::move(settings));
}

namespace {

// egress begins with the host; what a transport says comes after the server's alias.
Error unreachable(Error error) {
  const bool is_forbidden = error.code == ErrorCode::address_not_allowed;
  error.message = (is_forbidden ? "may not be reached: " : "does not answer: ") + error.message;
  return error;
}

}  // namespace

struct HttpTransport::State {
  const ServerSpec spec;
  const egress::AddressPolicy& policy;
  egress::Resolver& resolver;
  const Inbox inbox;
  std::stop_source closing;
  struct Shared {
    std::vector<std::unique_ptr<egress::HttpClient>> idle;
    std::string session_id;
  };
  Guarded<Shared> shared;

  std::unique_ptr<egress::HttpClient> borrow() {
    auto client = shared.with([](Shared& s) -> std::unique_ptr<egress::HttpClient> {
      if (s.idle.empty()) return nullptr;
      auto last = std::move(s.idle.back());
      s.idle.pop_back();
      return last;
    });
    if (client) return client;
    return std::make_unique<egress::HttpClient>(policy, resolver, std::string(kUserAgent));
  }
  void give_back(std::unique_ptr<egress::HttpClient> client) {
    shared.with([&](Shared& s) {
      if (s.idle.size() <= kCallsAtOnceMax) s.idle.push_back(std::move(client));
    });
  }

  egress::HttpRequest request(std::string_view method, const HeaderLines& headers, steady_clock::time_point deadline) {
    egress::HttpRequest request;
    request.method = method;
    request.url = *spec.url;
    request.ca_file = spec.ca_file;
    request.timeout = time_left(deadline);
    request.body_bytes_max = kRefusalBytesMax;
    request.headers = spec.headers;
    request.headers.insert(request.headers.end(), headers.begin(), headers.end());
    request.headers.emplace_back("Accept",
                                 method == "POST" ? "application/json, text/event-stream" : "text/event-stream");
    if (method == "POST") request.headers.emplace_back("Content-Type", "application/json");
    const std::string session = shared.with([](const Shared& s) { return s.session_id; });
    if (!session.empty()) request.headers.emplace_back("Mcp-Session-Id", session);
    return request;
  }

  Result<egress::HttpResponse> post(const Json& message, const HeaderLines& headers, steady_clock::time_point deadline,
                                    const std::stop_token& stop) {
    auto http = request("POST", headers, deadline);
    http.body = to_text(message);
    auto client = borrow();
    auto response = client->send(http, stop);
    give_back(std::move(client));
    return response;
  }

  // A notification, or a request, which is answered.
  void hear(const Incoming& message, const HeaderLines& headers, steady_clock::time_point deadline,
            const std::stop_token& stop) {
    if (message.kind == Incoming::Kind::notification) {
      if (inbox.notified) inbox.notified(message);
      return;
    }
    if (message.kind != Incoming::Kind::request || !inbox.asked) return;
    auto answered = post(inbox.asked(message), headers, std::min(deadline, steady_clock::now() + kAnswerTimeout), stop);
    if (!answered) log::warning("mcp_server.answer_lost", {{"alias", spec.alias}, {"method", message.method}});
  }

  Result<Reply> exchange(const Outgoing& outgoing);
  Result<Reply> refusal(const egress::HttpResponse& response, const Outgoing& outgoing) const;
  // Waits before a stream is taken up again. False if that is not to be.
  static bool wait(milliseconds delay, steady_clock::time_point deadline, const std::stop_token& stop) {
    if (steady_clock::now() + delay >= deadline) return false;
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, delay, [] { return false; });
    return !stop.stop_requested();
  }
};

Result<Reply> HttpTransport::State::refusal(const egress::HttpResponse& response, const Outgoing& outgoing) const {
  Reply reply;
  reply.http_status = response.status;
  RpcError error;
  const std::string status = "HTTP " + std::to_string(response.status);
  if (response.status >= 300 && response.status <= 399) {
    return Error(ErrorCode::unavailable,
                 "redirects (" + status + ") to " +
                     printable(response.header("Location").value_or("nowhere"), kQuotedBytesMax) +
                     "; redirects are not followed: write the final URL into the configuration if you trust it");
  }
  if (auto messages = read_messages(response.body); messages && !messages->empty() && messages->front().error) {
    error = *messages->front().error;
  } else {
    error.message = response.body.empty() ? status : status + ": " + printable(response.body, kQuotedBytesMax);
  }
  log::debug("mcp_server.refused", {{"alias", spec.alias}, {"method", outgoing.method}, {"status", response.status}});
  reply.error = std::move(error);
  return reply;
}

Result<Reply> HttpTransport::State::exchange(const Outgoing& outgoing) {
  const EitherStop either(outgoing.stop, closing.get_token());
  const std::stop_token stop = either.token();
  std::optional<Reply> reply;
  const auto take = [&](const Incoming& message) {
    if (message.kind == Incoming::Kind::response) {
      // An id of null: the server could not read whose request it was, and only ours is on this stream.
      if (message.id != Json(outgoing.id) && !(message.error && message.id.is_null())) return true;
      reply.emplace(Reply{message.result, message.error, 200});
      return false;
    }
    hear(message, outgoing.headers, outgoing.deadline, stop);
    return true;
  };

  auto http = request("POST", outgoing.headers, outgoing.deadline);
  http.body = to_text(request_message(outgoing.id, outgoing.method, outgoing.params));
  std::string position;  // where a stream that breaks off is gone on with
  for (int resumes = 0;; ++resumes) {
    streaming::SseDecoder events;  // anew each time: half a line of the one before must not begin this one
    BodyReader reader(take, events);
    http.on_body = [&reader](std::string_view piece) { return reader.feed(piece); };
    auto client = borrow();
    auto response = client->send(http, stop);
    give_back(std::move(client));
    if (closing.stop_requested()) return Error(ErrorCode::unavailable, "was closed while it was answering");
    if (!events.last_id().empty()) position = events.last_id();
    if (!response && position.empty()) return unreachable(std::move(response).error());
    if (response) {
      if (response->status < 200 || response->status > 299) {
        if (resumes == 0) return refusal(*response, outgoing);
        // The request was taken; what is refused is only the rest of its answer.
        return Error(ErrorCode::unavailable, "broke off its answer to " + outgoing.method +
                                                 " and does not go on with it: HTTP " +
                                                 std::to_string(response->status));
      }
      if (outgoing.method == "initialize") {
        const std::string session(response->header("Mcp-Session-Id").value_or(""));
        if (is_session_id(session)) shared.with([&](Shared& s) { s.session_id = session; });
      }
      reader.end(response->header("Content-Type").value_or(""));
    }
    if (reply) return *std::move(reply);
    if (!reader.fault().empty()) return Error(ErrorCode::unavailable, "cannot be understood: " + reader.fault());
    if (outgoing.stop.stop_requested()) return Error(ErrorCode::cancelled, "was told to stop");
    if (steady_clock::now() >= outgoing.deadline) return Error(ErrorCode::timed_out, "did not answer in time");
    if (position.empty() || resumes == kResumesMax || !wait(reader.retry(), outgoing.deadline, stop)) {
      return Error(ErrorCode::unavailable, "ended its answer to " + outgoing.method + " without a result");
    }
    http = request("GET", outgoing.headers, outgoing.deadline);
    http.headers.emplace_back("Last-Event-ID", position);
  }
}

HttpTransport::HttpTransport(const ServerSpec& spec, const egress::AddressPolicy& policy, egress::Resolver& resolver,
                             Inbox inbox)
    : state_(new State{.spec = spec,
                       .policy = policy,
                       .resolver = resolver,
                       .inbox = std::move(inbox),
                       .closing = {},
                       .shared = {}}) {}

HttpTransport::~HttpTransport() { close(); }

Result<Reply> HttpTransport::send(const Outgoing& request) {
  if (!is_open()) return Error(ErrorCode::unavailable, trouble());
  return state_->exchange(request);
}

Result<void> HttpTransport::notify(std::string_view method, const Json& params, const HeaderLines& headers,
                                   steady_clock::time_point deadline) {
  if (!is_open()) return Error(ErrorCode::unavailable, trouble());
  auto response = state_->post(notification_message(method, params), headers, deadline, state_->closing.get_token());
  if (!response) return unreachable(std::move(response).error());
  if (response->status >= 200 && response->status <= 299) return {};
  return Error(ErrorCode::unavailable,
               "refuses the notification " + std::string(method) + ": HTTP " + std::to_string(response->status));
}

Result<void> HttpTransport::listen(const HeaderLines& headers, std::stop_token outer) {
  State& state = *state_;
  const EitherStop either(outer, state.closing.get_token());
  const auto deadline = steady_clock::now() + kListenFor;
  auto http = state.request("GET", headers, deadline);
  streaming::SseDecoder events;
  BodyReader reader(
      [&](const Incoming& message) {
        state.hear(message, headers, deadline, either.token());
        return true;
      },
      events);
  http.on_body = [&reader](std::string_view piece) { return reader.feed(piece); };
  auto client = state.borrow();
  auto response = client->send(http, either.token());
  state.give_back(std::move(client));
  if (!response) return unreachable(std::move(response).error());
  if (response->status == 200) return {};
  return Error(ErrorCode::not_found, "has no stream of news: HTTP " + std::to_string(response->status));
}

bool HttpTransport::is_open() const { return !state_->closing.stop_requested(); }

std::string HttpTransport::trouble() const { return is_open() ? "" : "the connection was closed"; }

void HttpTransport::close() {
  if (!state_->closing.request_stop()) return;
  const std::string session = state_->shared.with([](const State::Shared& s) { return s.session_id; });
  if (session.empty()) return;
  // MCP 2025-11-25: a client that needs its session no more says so; whether the server cares is its own affair.
  auto http = state_->request("DELETE", {}, steady_clock::now() + kCloseGrace);
  auto client = state_->borrow();
  if (auto ended = client->send(http); !ended) {
    log::debug("mcp_server.session_not_ended", {{"alias", state_->spec.alias}, {"reason", ended.error().message}});
  }
}

}  // namespace weir::tools::mcp_servers

#include "server/cli/client.h"

#include <condition_variable>
#include <mutex>

namespace weir::cli {
namespace {

constexpr std::string_view kProtocol = "2026-07-28";
constexpr std::size_t kAnswerBytesMax = 32 * 1024 * 1024;
constexpr std::chrono::seconds kGetTimeout{10};
// A stream has no end of its own; heartbeats come each 15 s, so silence of a minute is a dead connection.
constexpr std::chrono::hours kStreamTimeout{24};
constexpr std::chrono::milliseconds kReconnectDelay{500};
constexpr std::chrono::milliseconds kReconnectDelayMax{10'000};

// What a refused HTTP request says: the error object's message, or the status.
Error error_of(const egress::HttpResponse& response) {
  const auto body = parse_json(response.body);
  std::string message;
  if (body) message = string_or(*body, "message", "");
  if (message.empty()) message = "The server answered HTTP " + std::to_string(response.status) + ".";
  const bool is_refused_key = response.status == 401 || response.status == 403;
  Error error(is_refused_key ? ErrorCode::unauthorized : ErrorCode::unavailable, message);
  return error;
}

// Too many requests, or a server (or its proxy) that is away for a moment.
bool is_passing(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

void wait_for(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
}

}  // namespace

// It guards nothing but the addresses at which no server can be.
egress::AddressPolicy client_policy() {
  egress::PolicySettings settings;
  settings.allow_loopback = true;
  for (const std::string_view range : {"0.0.0.0/0", "::/0"}) {
    auto parsed = egress::AddressRange::parse(range);
    CHECK(parsed.has_value(), "the range of all addresses is a range");
    settings.allowed_private.push_back(*parsed);
  }
  return egress::AddressPolicy(std::move(settings));
}

Client::Client(egress::Url url, std::string key)
    : url_(std::move(url)),
      url_text_(url_.origin()),
      key_(std::move(key)),
      policy_(client_policy()),
      resolver_(egress::system_resolver()),
      http_(policy_, *resolver_, std::string("weir-cli/") + WEIR_VERSION) {}

Result<std::unique_ptr<Client>> Client::create(std::string_view url, std::string key) {
  auto parsed = egress::Url::parse(url);
  if (!parsed) return std::move(parsed).error();
  return std::unique_ptr<Client>(new Client(*std::move(parsed), std::move(key)));
}

egress::HttpRequest Client::request_for(std::string_view method, std::string_view path) const {
  egress::HttpRequest request;
  request.method = method;
  request.url = url_;
  request.url.path = path;
  if (!key_.empty()) request.headers.emplace_back("Authorization", "Bearer " + key_);
  request.body_bytes_max = kAnswerBytesMax;
  request.timeout = kGetTimeout;
  return request;
}

Result<egress::HttpResponse> Client::get(std::string_view path) {
  egress::HttpRequest request = request_for("GET", path);
  request.headers.emplace_back("Accept", "application/json");
  return http_.send(request);
}

Result<egress::HttpResponse> Client::post(std::string_view path, const Json& body) {
  egress::HttpRequest request = request_for("POST", path);
  request.headers.emplace_back("Accept", "application/json");
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = to_text(body);
  return http_.send(request);
}

Result<Client::Answer> Client::call_tool(std::string_view tool, const Json& arguments,
                                         std::chrono::milliseconds timeout) {
  egress::HttpRequest request = request_for("POST", "/mcp");
  request.timeout = timeout;
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back("Accept", "application/json, text/event-stream");
  request.headers.emplace_back("MCP-Protocol-Version", kProtocol);
  request.headers.emplace_back("Mcp-Method", "tools/call");
  request.headers.emplace_back("Mcp-Name", tool);
  request.body =
      to_text(Json{{"jsonrpc", "2.0"},
                   {"id", next_id_++},
                   {"method", "tools/call"},
                   {"params",
                    {{"name", tool},
                     {"arguments", arguments},
                     {"_meta",
                      {{"io.modelcontextprotocol/protocolVersion", kProtocol},
                       {"io.modelcontextprotocol/clientCapabilities", Json::object()},
                       {"io.modelcontextprotocol/clientInfo", {{"name", "weir"}, {"version", WEIR_VERSION}}}}}}}});
  auto response = http_.send(request);
  if (!response) return std::move(response).error();
  auto body = parse_json(response->body);
  if (!body || (response->status != 200 && find_member(*body, "jsonrpc") == nullptr)) return error_of(*response);
  if (const Json* error = find_member(*body, "error")) {
    return Error(ErrorCode::bad_request, string_or(*error, "message", "The server refused the call."));
  }
  const Json* result = find_member(*body, "result");
  if (result == nullptr) return error_of(*response);
  Answer answer;
  answer.is_error = bool_or(*result, "isError", false);
  if (const Json* structured = find_member(*result, "structuredContent")) answer.structured = *structured;
  if (const Json* content = find_member(*result, "content"); content != nullptr && content->is_array()) {
    for (const Json& block : *content) {
      if (!answer.text.empty()) answer.text += "\n";
      answer.text += string_or(block, "text", "");
    }
  }
  return answer;
}

Result<Client::Answer> Client::call_tool_patiently(
    std::string_view tool, const Json& arguments,
    const std::function<void(std::chrono::milliseconds, const std::string&)>& on_wait) {
  std::chrono::milliseconds waited{0};
  while (true) {
    auto answer = call_tool(tool, arguments);
    if (!answer || !answer->is_error) return answer;
    const auto delay = std::chrono::milliseconds(integer_or(answer->structured, "retry_after_ms", -1));
    if (delay.count() < 0 || waited + delay > kPatience) return answer;
    on_wait(delay, string_or(answer->structured, "message", ""));
    wait_for(delay, {});
    waited += std::max(delay, std::chrono::milliseconds{50});
  }
}

Result<void> Client::follow(std::string_view path, const std::function<bool(const streaming::SseEvent&)>& on_event,
                            std::stop_token stop, int reconnects_max) {
  std::string last_id;
  int silent_tries = 0;
  while (!stop.stop_requested()) {
    egress::HttpRequest request = request_for("GET", path);
    request.timeout = kStreamTimeout;
    request.headers.emplace_back("Accept", "text/event-stream");
    if (!last_id.empty()) request.headers.emplace_back("Last-Event-ID", last_id);
    streaming::SseDecoder decoder;
    bool is_finished = false;
    request.on_body = [&](std::string_view bytes) {
      for (const streaming::SseEvent& event : decoder.feed(bytes)) {
        silent_tries = 0;
        if (!event.id.empty()) last_id = event.id;
        is_finished = !on_event(event);
        if (is_finished) return false;
      }
      return true;
    };
    auto response = http_.send(request, stop);
    if (is_finished) return {};
    if (response && response->status == 204) return {};  // there is nothing behind the last id
    const bool is_refused = response && response->status != 200;
    if (is_refused && (!is_passing(response->status) || silent_tries >= reconnects_max)) return error_of(*response);
    if (!response && response.error().code == ErrorCode::cancelled) break;
    if (++silent_tries > reconnects_max) {
      return Error(ErrorCode::unavailable, "The event stream of " + url_text_ + " ended and could not be resumed.");
    }
    wait_for(std::min(kReconnectDelay * silent_tries, kReconnectDelayMax), stop);
  }
  return Error(ErrorCode::cancelled, "Stopped.");
}

}  // namespace weir::cli

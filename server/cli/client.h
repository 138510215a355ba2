// The command line's side of the wire: calls tools over MCP 2026-07-28 and follows events over SSE, as any other client
// would.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "egress/http_client.h"
#include "streaming/sse.h"

namespace weir::cli {

// The person at the command line chose the server, so every address that a server may have is allowed.
egress::AddressPolicy client_policy();

// Not thread-safe: owned by the command.
class Client {
 public:
  // `url` is the server's, without a path. Returns validation_failed if it is none.
  static Result<std::unique_ptr<Client>> create(std::string_view url, std::string key);

  // What a tool answered: its structured content, or the text if that is all there is.
  struct Answer {
    Json structured;
    std::string text;
    bool is_error = false;  // the tool refused; `structured` is the error object
  };
  // Returns the server's own message if it refused before the tool (unauthorized, unknown tool), unavailable if the
  // server does not answer. Blocks up to `timeout`.
  Result<Answer> call_tool(std::string_view tool, const Json& arguments,
                           std::chrono::milliseconds timeout = std::chrono::seconds{70});
  // The same, but waits and asks again when the limiter refuses, at most kPatience in all; `on_wait` is told.
  Result<Answer> call_tool_patiently(std::string_view tool, const Json& arguments,
                                     const std::function<void(std::chrono::milliseconds, const std::string&)>& on_wait);
  static constexpr std::chrono::seconds kPatience{120};

  // Any GET. Blocks up to ten seconds.
  Result<egress::HttpResponse> get(std::string_view path);
  // The same with a body.
  Result<egress::HttpResponse> post(std::string_view path, const Json& body);

  // Calls `on_event` for each event of `path` until it returns false or the stream ends; reconnects by itself with the
  // last id, at most `reconnects_max` times in a row without an event. A server that is overloaded or stopping counts as
  // lost; any other refusal is returned.
  Result<void> follow(std::string_view path, const std::function<bool(const streaming::SseEvent&)>& on_event,
                      std::stop_token stop = {}, int reconnects_max = kReconnectsMax);
  static constexpr int kReconnectsMax = 5;

  [[nodiscard]] const std::string& url() const { return url_text_; }

 private:
  Client(egress::Url url, std::string key);
  egress::HttpRequest request_for(std::string_view method, std::string_view path) const;

  const egress::Url url_;
  const std::string url_text_;
  const std::string key_;
  egress::AddressPolicy policy_;
  std::unique_ptr<egress::Resolver> resolver_;
  egress::HttpClient http_;
  std::int64_t next_id_ = 1;
};

}  // namespace weir::cli

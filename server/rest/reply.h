// Responses with what every answer carries: X-Request-ID, rate-limit headers, caching, and headers that keep browsers
// from guessing.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "limits/quota.h"
#include "server/gate.h"
#include "server/http/message.h"

namespace weir::rest {

// What is known about a request when it is answered. Not thread-safe: a value.
struct ReplyContext {
  std::string request_id;
  std::optional<limits::Decision>
      decision;  // once the limiter has decided; at no cost if another part of the gate refused
  std::chrono::seconds preferred_wait{0};  // what was granted of `Prefer: wait`; 0: nothing was asked
  // Of an admitted call: gives back what it has not used up. Called once, by the reply that ends it.
  std::function<void(server::CallEnd, limits::Decision&)> settle{};
};

http::Response json_reply(const ReplyContext& context, int status, const Json& body);
http::Response text_reply(const ReplyContext& context, int status, std::string media_type, std::string text);
// The error object of api.md section 1. A call that failed inside Weir is not charged.
http::Response error_reply(const ReplyContext& context, const Error& error);

// Adds an ETag of the body; turns the response into 304 if the request's If-None-Match has it (RFC 9110 §13.1.2).
void make_cacheable(http::Response& response, const http::Request& request);

// Headers of every response, also of a stream's.
void add_common_headers(http::Headers& headers, const ReplyContext& context);

}  // namespace weir::rest

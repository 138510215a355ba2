// Responses with what every answer carries: X-Request-ID, rate-limit headers, caching, and headers that keep browsers
// from guessing.
#pragma once
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "limits/quota.h"
#include "server/http/message.h"

namespace weir::rest {

// What is known about a request when it is answered. Not thread-safe: a value.
struct ReplyContext {
  std::string request_id;
  std::optional<limits::Decision> decision;   // once the limiter has admitted the call
};

http::Response json_reply(const ReplyContext& context, int status, const Json& body);
http::Response text_reply(const ReplyContext& context, int status, std::string media_type, std::string text);
// The error object of api.md section 1.
http::Response error_reply(const ReplyContext& context, const Error& error);

// Adds an ETag of the body; turns the response into 304 if the request's If-None-Match has it (RFC 9110 §13.1.2).
void make_cacheable(http::Response& response, const http::Request& request);

// Headers of every response, also of a stream's.
void add_common_headers(http::Headers& headers, const ReplyContext& context);

}  // namespace weir::rest

// The one place that turns errors and decisions into what callers see: HTTP status, JSON-RPC code, the error object and
// the rate-limit headers (api.md section 1, limits.md section 4).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "limits/quota.h"
#include "server/http/message.h"

namespace weir::server {

int http_status(ErrorCode code);
// The JSON-RPC code of errors that are protocol errors in MCP; tool failures are results instead.
int json_rpc_code(ErrorCode code);

// {"error", "message", "detail", "status", "request_id", "errors"?, "retryAfter"?, ...}
Json error_object(const Error& error, std::string_view request_id);
// The same for a refusal by the limiter, with limit, remaining, reset, policy, tier, retry_after_ms.
Json refusal_object(const limits::Decision& decision, std::string_view request_id);
// "Rate limit of 100 requests per minute exceeded. Retry after 12 seconds."
std::string refusal_message(const limits::Decision& decision);

// X-RateLimit-*, RateLimit-Policy, RateLimit, and Retry-After on a refusal.
void add_rate_headers(http::Headers& headers, const limits::Decision& decision);
// Whole seconds, rounded up, at least 1.
std::int64_t retry_after_seconds(std::chrono::milliseconds delay);

// WWW-Authenticate for an error that takes it (RFC 6750 section 3): 401 and a missing scope. Of a server that only knows
// API keys; with an issuer MCP sends Gate::challenge() instead.
std::optional<std::string> challenge_of(const Error& error);

// A complete JSON response with X-Request-ID; 401 carries WWW-Authenticate: Bearer.
http::Response error_response(const Error& error, std::string_view request_id);
http::Response refusal_response(const limits::Decision& decision, std::string_view request_id);

}  // namespace weir::server

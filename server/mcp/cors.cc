#include "server/mcp/cors.h"

namespace weir::mcp {

namespace {

// What clients are to read, and what they send (MCP streamable-http); what a preflight asks for besides is in it too, since
// the names of Mcp-Param-... are the tools'.
constexpr const char* kExposed =
    "Mcp-Session-Id, WWW-Authenticate, Retry-After, X-Request-ID, X-RateLimit-Limit, X-RateLimit-Remaining, "
    "X-RateLimit-Reset, RateLimit, RateLimit-Policy";
constexpr const char* kAllowed =
    "Authorization, X-API-Key, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, "
    "Last-Event-ID, X-Request-ID, X-MCP-Toolsets";
// How long a browser may believe it.
constexpr const char* kMaxAgeSeconds = "600";

void add_origin(http::Headers& headers, const std::string& origin) {
  headers.set("Access-Control-Allow-Origin", origin);
  headers.set("Access-Control-Expose-Headers", kExposed);
  headers.add("Vary", "Origin");
}

}  // namespace

http::Response preflight_response(std::string origin, std::string_view asked) {
  http::Response response;
  response.status = 204;
  add_origin(response.headers, origin);
  response.headers.add("Access-Control-Allow-Methods", "POST, GET, DELETE");
  std::string allowed = kAllowed;
  if (!asked.empty()) allowed.append(", ").append(asked);
  response.headers.add("Access-Control-Allow-Headers", std::move(allowed));
  response.headers.add("Access-Control-Max-Age", kMaxAgeSeconds);
  return response;
}

bool CorsExchange::reply(http::Response response) {
  add_origin(response.headers, origin_);
  return inner_->reply(std::move(response));
}

std::shared_ptr<http::SseStream> CorsExchange::start_stream(http::Response response) {
  add_origin(response.headers, origin_);
  return inner_->start_stream(std::move(response));
}

}  // namespace weir::mcp

#include "server/rest/reply.h"

#include "base/hmac.h"
#include "server/error_reply.h"

namespace weir::rest {
namespace {

// Enough of a digest that two bodies of one resource never share it by accident.
constexpr std::size_t kEtagHexDigits = 32;

bool is_listed(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view one = list.substr(0, comma);
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    // If-None-Match compares weakly.
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == etag) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

void add_common_headers(http::Headers& headers, const ReplyContext& context) {
  headers.set("X-Request-ID", context.request_id);
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Content-Security-Policy",
              "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  if (context.decision) server::add_rate_headers(headers, *context.decision);
  // RFC 7240 section 3.
  if (context.preferred_wait.count() > 0) {
    headers.set("Preference-Applied", "wait=" + std::to_string(context.preferred_wait.count()));
  }
}

http::Response text_reply(const ReplyContext& context, int status, std::string media_type, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = std::move(media_type);
  response.body = std::move(text);
  add_common_headers(response.headers, context);
  response.headers.set("Cache-Control", "no-store");
  return response;
}

http::Response json_reply(const ReplyContext& context, int status, const Json& body) {
  return text_reply(context, status, "application/json", to_text(body));
}

http::Response error_reply(const ReplyContext& context, const Error& error) {
  http::Response response = server::error_response(error, context.request_id);
  add_common_headers(response.headers, context);
  response.headers.set("Cache-Control", "no-store");
  if (context.decision && context.settle) {
    limits::Decision settled = *context.decision;
    context.settle(server::end_of(Result<tools::ToolResult>(error)), settled);
    server::add_rate_headers(response.headers, settled);
  }
  return response;
}

void make_cacheable(http::Response& response, const http::Request& request) {
  if (response.status != 200) return;
  const std::string etag = "\"" + to_hex(sha256(response.body)).substr(0, kEtagHexDigits) + "\"";
  response.headers.set("ETag", etag);
  // Kept by the caller alone, and asked about each time: a scan changes from second to second.
  response.headers.set("Cache-Control", "private, no-cache");
  const std::optional<std::string_view> known = request.headers.find("If-None-Match");
  if (!known || !is_listed(*known, etag)) return;
  response.status = 304;
  response.content_type.clear();
  response.body.clear();
}

}  // namespace weir::rest

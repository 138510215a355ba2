#include "server/error_reply.h"

#include <algorithm>
#include <array>
#include <utility>

namespace weir::server {
namespace {

using std::chrono::milliseconds;

// The one table of api.md section 1 and the decisions about JSON-RPC in mcp.md; in the order of ErrorCode.
struct Mapping {
  ErrorCode code;
  int http_status;
  int json_rpc_code;
};

constexpr int kInvalidRequest = -32600;
constexpr int kInvalidParams = -32602;
constexpr int kInternalError = -32603;

// MCP 2026-07-28 reserves -32020 to -32099 and calls -32000 to -32019 legacy, so errors that JSON-RPC has no code for
// take their HTTP status: a positive number, outside every reserved band.
constexpr std::array kMappings{
    Mapping{ErrorCode::bad_request, 400, kInvalidRequest},
    Mapping{ErrorCode::validation_failed, 422, kInvalidParams},
    Mapping{ErrorCode::unauthorized, 401, 401},
    Mapping{ErrorCode::api_key_expired, 401, 401},
    Mapping{ErrorCode::forbidden, 403, 403},
    Mapping{ErrorCode::insufficient_scope, 403, 403},
    Mapping{ErrorCode::target_not_verified, 403, 403},
    Mapping{ErrorCode::address_not_allowed, 403, 403},
    Mapping{ErrorCode::not_found, 404, kInvalidParams},
    Mapping{ErrorCode::method_not_allowed, 405, kInvalidRequest},
    Mapping{ErrorCode::conflict, 409, 409},
    Mapping{ErrorCode::target_busy, 409, 409},
    Mapping{ErrorCode::idempotency_mismatch, 422, kInvalidParams},
    Mapping{ErrorCode::payload_too_large, 413, 413},
    Mapping{ErrorCode::unsupported_media_type, 415, 415},
    Mapping{ErrorCode::rate_limit_exceeded, 429, 429},
    Mapping{ErrorCode::concurrency_limit, 429, 429},
    Mapping{ErrorCode::cancelled, 499, 499},
    Mapping{ErrorCode::timed_out, 504, 504},
    Mapping{ErrorCode::unavailable, 503, 503},
    Mapping{ErrorCode::internal, 500, kInternalError},
};
static_assert(kMappings.size() == static_cast<std::size_t>(kLastErrorCode) + 1);
static_assert(std::ranges::is_sorted(kMappings, {}, &Mapping::code), "mapping_of() indexes by code");

const Mapping& mapping_of(ErrorCode code) { return kMappings[static_cast<std::size_t>(code)]; }

std::int64_t seconds_rounded_up(std::int64_t ms) { return ms / 1'000 + (ms % 1'000 > 0 ? 1 : 0); }

std::int64_t reset_seconds(const limits::PolicyState& state) { return seconds_rounded_up(to_unix_ms(state.reset_at)); }

std::string counted(std::int64_t count, std::string_view unit) {
  return std::to_string(count) + " " + std::string(unit) + (count == 1 ? "" : "s");
}

std::string window_text(milliseconds window) {
  switch (window.count()) {
    case 1'000: return "second";
    case 60'000: return "minute";
    case 3'600'000: return "hour";
    case 86'400'000: return "day";
    default: return counted(seconds_rounded_up(window.count()), "second");
  }
}

// A quoted-string's contents (RFC 9110 section 5.6.4) or an sf-string's (RFC 9651 section 3.3.3).
std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c < 0x20 || c > 0x7E) continue;
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

http::Response json_response(int status, const Json& body, std::string_view request_id) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.headers.set("X-Request-ID", std::string(request_id));
  response.body = to_text(body);
  return response;
}

}  // namespace

// No resource_metadata: without an issuer a host with a static key would start a flow that cannot succeed.
std::optional<std::string> challenge_of(const Error& error) {
  if (http_status(error.code) == 401) {
    std::string challenge = "Bearer realm=\"weir\"";
    if (!error.fields.empty() || error.code == ErrorCode::api_key_expired) challenge += ", error=\"invalid_token\"";
    return challenge;
  }
  if (error.code != ErrorCode::insufficient_scope) return std::nullopt;
  std::string challenge = "Bearer error=\"insufficient_scope\"";
  const auto scope = std::find_if(error.fields.begin(), error.fields.end(),
                                  [](const FieldError& field) { return field.field == "scope"; });
  if (scope != error.fields.end()) challenge += ", scope=" + in_quotes(scope->message);
  return challenge;
}

int http_status(ErrorCode code) { return mapping_of(code).http_status; }

int json_rpc_code(ErrorCode code) { return mapping_of(code).json_rpc_code; }

std::int64_t retry_after_seconds(milliseconds delay) {
  return std::max<std::int64_t>(1, seconds_rounded_up(delay.count()));
}

Json error_object(const Error& error, std::string_view request_id) {
  Json object{{"error", to_string(error.code)},
              {"message", error.message},
              {"detail", error.message},
              {"status", http_status(error.code)},
              {"request_id", request_id}};
  if (!error.fields.empty()) {
    Json& errors = object["errors"] = Json::array();
    for (const FieldError& field : error.fields) errors.push_back({{"field", field.field}, {"message", field.message}});
  }
  if (error.retry_after) {
    object["retryAfter"] = retry_after_seconds(*error.retry_after);
    object["retry_after_ms"] = error.retry_after->count();
  }
  return object;
}

std::string refusal_message(const limits::Decision& decision) {
  const limits::PolicyState* const shown = decision.shown();
  const std::string retry = "Retry after " + counted(retry_after_seconds(decision.retry_after), "second") + ".";
  if (shown == nullptr) return "Rate limit exceeded. " + retry;
  if (shown->name == limits::kScansDay) {
    return "Daily quota of " + counted(shown->limit, "scan") + " exceeded. " + retry;
  }
  return "Rate limit of " + counted(shown->limit, "request") + " per " + window_text(shown->window) + " exceeded. " +
         retry;
}

Json refusal_object(const limits::Decision& decision, std::string_view request_id) {
  Error error = Error(ErrorCode::rate_limit_exceeded, refusal_message(decision)).retry_in(decision.retry_after);
  Json object = error_object(error, request_id);
  object["tier"] = decision.tier;
  if (const limits::PolicyState* const shown = decision.shown()) {
    object["limit"] = shown->limit;
    object["remaining"] = shown->remaining;
    object["reset"] = reset_seconds(*shown);
    object["policy"] = shown->name;
  }
  return object;
}

void add_rate_headers(http::Headers& headers, const limits::Decision& decision) {
  const limits::PolicyState* const shown = decision.shown();
  if (shown == nullptr) {
    if (decision.is_unlimited) headers.set("X-RateLimit-Tier", decision.tier);
    return;
  }
  headers.set("X-RateLimit-Limit", std::to_string(shown->limit));
  headers.set("X-RateLimit-Remaining", std::to_string(shown->remaining));
  headers.set("X-RateLimit-Reset", std::to_string(reset_seconds(*shown)));

  // draft-ietf-httpapi-ratelimit-headers: every policy, and how the tightest one stands.
  std::string policies;
  for (const limits::PolicyState& state : decision.states) {
    if (!policies.empty()) policies += ", ";
    policies += in_quotes(state.name) + ";q=" + std::to_string(state.limit) +
                ";w=" + std::to_string(seconds_rounded_up(state.window.count()));
  }
  headers.set("RateLimit-Policy", std::move(policies));
  // At most the window: units count from the next whole millisecond, and "t=61" of a minute would be odd.
  const std::int64_t reset_in_ms =
      std::clamp<std::int64_t>((shown->reset_at - decision.decided_at).count(), 0, shown->window.count());
  headers.set("RateLimit", in_quotes(shown->name) + ";r=" + std::to_string(shown->remaining) +
                               ";t=" + std::to_string(seconds_rounded_up(reset_in_ms)));
  if (!decision.is_allowed) headers.set("Retry-After", std::to_string(retry_after_seconds(decision.retry_after)));
}

http::Response error_response(const Error& error, std::string_view request_id) {
  http::Response response = json_response(http_status(error.code), error_object(error, request_id), request_id);
  if (const auto challenge = challenge_of(error)) response.headers.set("WWW-Authenticate", *challenge);
  if (error.retry_after) response.headers.set("Retry-After", std::to_string(retry_after_seconds(*error.retry_after)));
  return response;
}

http::Response refusal_response(const limits::Decision& decision, std::string_view request_id) {
  http::Response response =
      json_response(http_status(ErrorCode::rate_limit_exceeded), refusal_object(decision, request_id), request_id);
  add_rate_headers(response.headers, decision);
  return response;
}

}  // namespace weir::server

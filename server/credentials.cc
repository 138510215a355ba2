#include "server/credentials.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "server/api_key.h"

namespace weir::server {
namespace {

constexpr std::string_view kHowToSend =
    "Send your API key as 'Authorization: Bearer wk_...' or 'X-API-Key: wk_...'. "
    "Create one with: weir keys create --account NAME --tier free";

bool equal_without_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

// The token of `Bearer <token>` (RFC 6750 section 2.1; the scheme's name has no case, RFC 9110 section 11.1).
std::optional<std::string_view> bearer_token(std::string_view authorization) {
  const std::size_t end = authorization.find(' ');
  if (end == std::string_view::npos || !equal_without_case(authorization.substr(0, end), "bearer")) return std::nullopt;
  const std::size_t begin = authorization.find_first_not_of(' ', end);
  return begin == std::string_view::npos ? std::string_view() : authorization.substr(begin);
}

bool has_key_in_query(const http::Request& request) {
  constexpr std::array<std::string_view, 6> kNames{"api_key", "apikey", "api-key", "key", "token", "access_token"};
  return std::any_of(request.query.begin(), request.query.end(), [&](const auto& parameter) {
    return parameter.second.starts_with("wk_") && std::any_of(kNames.begin(), kNames.end(), [&](std::string_view name) {
             return equal_without_case(parameter.first, name);
           });
  });
}

}  // namespace

Result<Credentials> find_credentials(const http::Request& request) {
  if (has_key_in_query(request)) {
    return Error(
        ErrorCode::bad_request,
        "An API key was sent in the query string, where logs, proxies and browser histories keep it. Send it as "
        "'Authorization: Bearer wk_...' or 'X-API-Key: wk_...', and rotate this one: weir keys rotate KEY_ID");
  }
  const auto authorization = request.headers.find("Authorization");
  const auto api_key = request.headers.find("X-API-Key");
  if (request.headers.count("Authorization") > 1 || request.headers.count("X-API-Key") > 1) {
    return Error(ErrorCode::bad_request, "Authorization or X-API-Key was sent more than once. Send one key, once.");
  }
  const auto bearer = authorization ? bearer_token(*authorization) : std::nullopt;
  if (bearer && api_key && *bearer != *api_key) {
    return Error(ErrorCode::bad_request,
                 "Authorization and X-API-Key hold different keys. Send one of the two, or the same key in both.");
  }
  if (bearer) return Credentials{*bearer, "Authorization"};
  if (api_key) return Credentials{*api_key, "X-API-Key"};
  if (authorization) {
    return rejected_key_error(
        ErrorCode::unauthorized, "Authorization",
        "The Authorization header is not of the form 'Bearer wk_...'. " + std::string(kHowToSend));
  }
  return Error(ErrorCode::unauthorized, "No API key was sent. " + std::string(kHowToSend));
}

Error malformed_key_error(const Credentials& credentials) {
  const std::string_view key = credentials.key;
  constexpr std::size_t kLength = 41;
  std::string why = "What was sent is not a Weir API key: ";
  if (!key.starts_with("wk_")) {
    why += "a key starts with 'wk_'.";
  } else if (key.size() != kLength) {
    why += "a key has " + std::to_string(kLength) + " characters and this has " + std::to_string(key.size()) +
           ". Was it copied whole?";
  } else {
    why += "its checksum does not match, so some character of it is wrong. Copy it again.";
  }
  return rejected_key_error(ErrorCode::unauthorized, credentials.header, std::move(why));
}

Error rejected_key_error(ErrorCode code, std::string_view header, std::string message) {
  return Error(code, std::move(message)).with_field(std::string(header), "is not accepted");
}

}  // namespace weir::server

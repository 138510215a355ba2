#include "limits/redis_settings.h"

#include <charconv>
#include <optional>

#include "base/log.h"

namespace weir::limits {
namespace {

constexpr std::string_view kForms =
    "expected redis://[:password@]host[:port][/database] or unix://[:password@]/path[?db=database]";

Error wrong(std::string_view what) {
  return Error{ErrorCode::bad_request, "redis.url: " + std::string(what) + "; " + std::string(kForms)};
}

// A whole number within [0, max] and nothing else.
std::optional<int> number(std::string_view text, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > max) return std::nullopt;
  return value;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned byte = 0;
    if (text.size() - i < 3) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (error != std::errc{} || end != text.data() + i + 3) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

// Takes "user:password@" from the front of `rest`: everything up to the last '@', so that a password with an unencoded
// '@' or '/' is never taken for a host or port and shown.
Result<void> take_credentials(std::string_view& rest, RedisSettings& settings) {
  const std::size_t at = rest.starts_with('/') ? std::string_view::npos : rest.rfind('@');
  if (at == std::string_view::npos) return {};
  const std::string_view credentials = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const std::size_t colon = credentials.find(':');
  const auto username = percent_decoded(credentials.substr(0, colon));
  const auto password = percent_decoded(colon == std::string_view::npos ? "" : credentials.substr(colon + 1));
  if (!username || !password) return wrong("user and password have a '%' that is not followed by two hex digits");
  if (password->empty()) return wrong("a user without a password (write user:password@, or :password@)");
  settings.username = *username;
  settings.password = *password;
  return {};
}

Result<void> take_database(std::string_view text, RedisSettings& settings) {
  const auto database = number(text, 1'000'000);
  if (!database) return wrong("the database is '" + printable(text, 40) + "', which is no number");
  settings.database = *database;
  return {};
}

Result<void> parse_tcp(std::string_view rest, RedisSettings& settings) {
  const std::size_t slash = rest.find('/');
  std::string_view place = rest.substr(0, slash);
  if (slash != std::string_view::npos && slash + 1 < rest.size()) {
    if (auto done = take_database(rest.substr(slash + 1), settings); !done) return done;
  }
  // An IPv6 address stands in brackets (RFC 3986 section 3.2.2).
  const std::size_t host_end = place.starts_with('[') ? place.find(']') : std::string_view::npos;
  if (place.starts_with('[') && host_end == std::string_view::npos) return wrong("the address has no closing ']'");
  const std::size_t colon = place.find(':', host_end == std::string_view::npos ? 0 : host_end);
  if (colon != std::string_view::npos) {
    const auto port = number(place.substr(colon + 1), 65'535);
    if (!port || *port == 0) return wrong("the port is '" + printable(place.substr(colon + 1), 40) + "'");
    settings.port = static_cast<std::uint16_t>(*port);
    place = place.substr(0, colon);
  }
  if (host_end != std::string_view::npos) place = place.substr(1, host_end - 1);
  if (place.empty()) return wrong("the host is missing");
  settings.host = place;
  return {};
}

Result<void> parse_socket(std::string_view rest, RedisSettings& settings) {
  const std::size_t question = rest.find('?');
  settings.socket_path = rest.substr(0, question);
  if (!settings.socket_path.starts_with('/')) return wrong("the socket's path does not begin with '/'");
  if (question == std::string_view::npos) return {};
  const std::string_view query = rest.substr(question + 1);
  if (!query.starts_with("db=")) return wrong("'?" + printable(query, 40) + "' is not known");
  return take_database(query.substr(3), settings);
}

}  // namespace

Result<RedisSettings> RedisSettings::parse(std::string_view url) {
  constexpr std::string_view kTcp = "redis://";
  constexpr std::string_view kSocket = "unix://";
  const bool is_tcp = url.starts_with(kTcp);
  if (url.starts_with("rediss://")) return wrong("TLS to Redis is not supported; put a TLS proxy beside Weir");
  if (!is_tcp && !url.starts_with(kSocket)) return wrong("the scheme is not known");

  std::string_view rest = url.substr(is_tcp ? kTcp.size() : kSocket.size());
  RedisSettings settings;
  if (auto done = take_credentials(rest, settings); !done) return std::move(done).error();
  if (auto done = is_tcp ? parse_tcp(rest, settings) : parse_socket(rest, settings); !done) {
    return std::move(done).error();
  }
  return settings;
}

std::string RedisSettings::shown() const {
  if (host.empty()) return "unix://" + socket_path + "?db=" + std::to_string(database);
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return "redis://" + (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" + std::to_string(database);
}

}  // namespace weir::limits

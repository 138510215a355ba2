#include "server/mcp/origin.h"

#include <algorithm>

#include "base/log.h"

namespace weir::mcp {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// "[::1]:8080" -> "[::1]", "localhost:80" -> "localhost".
std::string_view without_port(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return authority;
  return authority.substr(0, colon);
}

// A bare IPv6 address as it stands in a Host header.
std::string as_host(std::string_view name) {
  const std::string host = lower(name);
  return host.find(':') != std::string::npos && !host.starts_with('[') ? "[" + host + "]" : host;
}

// An origin without the port that its scheme implies, and Host the same for the scheme of the origin (RFC 6454 §4).
std::string without_default_port(std::string authority, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (authority.ends_with(port)) authority.resize(authority.size() - port.size());
  return authority;
}

}  // namespace

OriginPolicy::OriginPolicy(std::string_view listen_host, const std::vector<std::string>& allowed_hosts,
                           const std::vector<std::string>& allowed_origins)
    : hosts_{"localhost", "127.0.0.1", "[::1]", as_host(listen_host)} {
  for (const std::string& host : allowed_hosts) hosts_.push_back(as_host(host));
  for (const std::string& origin : allowed_origins) origins_.push_back(lower(origin));
}

std::optional<std::string> OriginPolicy::refusal(const http::Headers& headers) const {
  const std::string host = lower(headers.find("Host").value_or(""));
  if (headers.count("Host") != 1 || std::ranges::find(hosts_, without_port(host)) == hosts_.end()) {
    return "Host \"" + printable(host, 100) + "\" is not a name of this server; add it to server.allowed_hosts";
  }
  const auto header = headers.find("Origin");
  if (!header) return std::nullopt;
  const std::string origin = lower(*header);
  if (headers.count("Origin") == 1) {
    if (std::ranges::find(origins_, origin) != origins_.end()) return std::nullopt;
    for (const std::string_view scheme : {"http", "https"}) {
      const std::string prefix = std::string(scheme) + "://";
      if (origin.starts_with(prefix) &&
          without_default_port(origin.substr(prefix.size()), scheme) == without_default_port(host, scheme)) {
        return std::nullopt;
      }
    }
  }
  return "Origin \"" + printable(origin, 100) + "\" may not use this server; add it to mcp.allowed_origins";
}

}  // namespace weir::mcp

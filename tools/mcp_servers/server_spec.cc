#include "tools/mcp_servers/server_spec.h"

#include <algorithm>

#include "base/log.h"

namespace weir::tools::mcp_servers {
namespace {

constexpr std::size_t kAliasBytesMax = 31;
constexpr std::size_t kArgumentsMax = 64;
constexpr std::size_t kHeadersMax = 32;

Error wrong(const std::string& text) { return {ErrorCode::validation_failed, text}; }

bool is_token(std::string_view name) {  // RFC 9110 §5.6.2
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_loopback_host(const std::string& host) {
  if (host == "localhost") return true;
  const auto address = egress::IpAddress::parse(host);
  return address.has_value() && address->address_class() == egress::AddressClass::loopback;
}

Result<void> check_command(const ServerSpec& spec) {
  if (!spec.command.front().starts_with('/')) {
    return wrong("command must begin with an absolute path, got \"" + printable(spec.command.front()) +
                 "\"; there is no shell and no PATH that would find it");
  }
  if (spec.command.size() > kArgumentsMax) {
    return wrong("command has more than " + std::to_string(kArgumentsMax) + " arguments");
  }
  for (const std::string& part : spec.command) {
    if (part.find('\0') != std::string::npos) return wrong("command holds a NUL character");
  }
  if (!spec.folder.empty() && !spec.folder.starts_with('/')) {
    return wrong("cwd must be an absolute path, got \"" + printable(spec.folder) + "\"");
  }
  if (!spec.headers.empty()) return wrong("headers are for a server with url; a command gets env");
  return {};
}

Result<void> check_url(const ServerSpec& spec) {
  if (!spec.environment.empty() || !spec.folder.empty()) return wrong("env and cwd are for a server with command");
  const bool is_near = is_loopback_host(spec.url->host) || !spec.allow_private.empty();
  if (spec.url->scheme == "http" && !is_near) {
    return wrong(
        "url is plain http to another machine, where everybody on the way can read and change what is said; use "
        "https, or name its private network in allow_private");
  }
  if (spec.headers.size() > kHeadersMax) return wrong("more than " + std::to_string(kHeadersMax) + " headers");
  for (const auto& [name, value] : spec.headers) {
    if (!is_token(name)) return wrong("\"" + printable(name) + "\" is no name of a header");
    if (std::ranges::any_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
      return wrong("the header " + name + " holds a control character, such as a line break at the end of its file");
    }
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (const std::string_view own :
         {"host", "content-type", "content-length", "transfer-encoding", "accept", "connection"}) {
      if (lower == own) return wrong("the header " + name + " is set by Weir itself");
    }
    if (lower.starts_with("mcp-")) {
      return wrong("the header " + name + " is part of the protocol and set by Weir itself");
    }
  }
  return {};
}

}  // namespace

std::string ServerSpec::without_secrets(std::string text) const {
  constexpr std::string_view kRedacted = "[redacted]";
  constexpr std::size_t kSecretBytesMin = 6;  // what is shorter is found in any sentence
  for (const std::string& secret : secrets) {
    if (secret.size() < kSecretBytesMin) continue;
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + kRedacted.size())) {
      text.replace(at, secret.size(), kRedacted);
    }
  }
  return redacted(text);
}

bool is_alias(std::string_view text) {
  if (text.empty() || text.size() > kAliasBytesMax || text.front() < 'a' || text.front() > 'z') return false;
  if (text.find("__") != std::string_view::npos || text.ends_with('_')) return false;
  return std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

Result<void> check_spec(const ServerSpec& spec) {
  if (spec.url && spec.is_stdio()) return wrong("has both url and command; a server is reached in one way");
  if (!spec.url && !spec.is_stdio()) return wrong("needs url, or command with an absolute path and its arguments");
  if (spec.timeout <= std::chrono::milliseconds::zero() || spec.timeout > kCallTimeoutMax) {
    return wrong("timeout_ms must be from 1 to " + std::to_string(std::chrono::milliseconds(kCallTimeoutMax).count()));
  }
  return spec.is_stdio() ? check_command(spec) : check_url(spec);
}

}  // namespace weir::tools::mcp_servers

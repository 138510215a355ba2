#include "egress/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "egress/ip_address.h"

namespace weir::egress {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // RFC 1035 §2.3.4, without the trailing dot
constexpr std::size_t kLabelBytesMax = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
  return result;
}

Error refuse(std::string_view text, std::string_view why) {
  return {ErrorCode::validation_failed, "\"" + printable(text) + "\" is not a usable URL: " + std::string(why)};
}

// What no part of a URL may hold. Parsers that drop or rewrite these are how a check is bypassed.
Result<void> check_characters(std::string_view text) {
  if (text.size() > kUrlBytesMax) {
    return refuse(text, "it is longer than " + std::to_string(kUrlBytesMax) + " bytes");
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F) {
      return refuse(text, "it holds a space or a control character; percent-encode it (%20)");
    }
    if (c == '\\') return refuse(text, "it holds a backslash; write \"/\", or %5C for the character itself");
  }
  return {};
}

std::string with_encoded_bytes(std::string_view path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string result;
  result.reserve(path.size());
  for (const char c : path) {
    if (is_ascii(c)) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += kHex[byte >> 4];
    result += kHex[byte & 0x0F];
  }
  return result;
}

// The length of "scheme" if `text` starts with "scheme:" (RFC 3986 §3.1), else 0.
std::size_t scheme_length(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ':') return i;
    if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return 0;
  }
  return 0;
}

// Whether libc, and so every client that uses it, would take the host for a number (as WHATWG's "ends in a
// number"): its last label is decimal or 0x hexadecimal.
bool ends_in_number(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  std::string_view label = dot == std::string_view::npos ? host : host.substr(dot + 1);
  if (label.starts_with("0x")) {
    label.remove_prefix(2);
    return std::all_of(label.begin(), label.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
  }
  return !label.empty() && std::all_of(label.begin(), label.end(), is_digit);
}

Result<std::string> parse_numeric_host(std::string_view text, const std::string& host) {
  if (auto address = IpAddress::parse(host); address && !address->is_v6()) return host;
  in_addr read{};
  std::string advice = "write an IPv4 address as four decimal numbers";
  if (inet_aton(host.c_str(), &read) == 1) {
    sockaddr_in socket{};
    socket.sin_family = AF_INET;
    socket.sin_addr = read;
    if (auto meant = IpAddress::from_socket(reinterpret_cast<const sockaddr*>(&socket))) {
      advice = "write " + meant->to_text();
    }
  }
  return refuse(text, "the host \"" + printable(host) + "\" is a disguised IPv4 address; " + advice);
}

Result<std::string> parse_host_name(std::string_view text, std::string_view raw) {
  if (!std::all_of(raw.begin(), raw.end(), is_ascii)) {
    return refuse(text, "the host holds characters beyond ASCII; write its xn-- form (IDNA A-labels)");
  }
  if (raw.find('%') != std::string_view::npos) {
    return refuse(text, "the host is percent-encoded; write the name itself");
  }
  std::string host = lower(raw);
  if (host.ends_with('.')) host.pop_back();
  if (host.empty()) return refuse(text, "the host is missing");
  if (host.size() > kHostBytesMax) return refuse(text, "the host is longer than 253 bytes");
  std::size_t start = 0;
  while (start <= host.size()) {
    const std::size_t end = std::min(host.find('.', start), host.size());
    if (end == start) return refuse(text, "the host has an empty label (two dots in a row, or a leading dot)");
    if (end - start > kLabelBytesMax) return refuse(text, "a label of the host is longer than 63 bytes");
    start = end + 1;
  }
  // The underscore is not a host name's (RFC 952), but is found in the wild.
  const auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; };
  if (!std::all_of(host.begin(), host.end(), allowed)) {
    return refuse(text, "the host may hold letters, digits, \"-\", \"_\" and \".\" only");
  }
  if (ends_in_number(host)) return parse_numeric_host(text, host);
  return host;
}

Result<std::string> parse_bracketed_host(std::string_view text, std::string_view inside) {
  if (inside.find('%') != std::string_view::npos) {
    return refuse(text, "the IPv6 address has a zone id, which only means something on one machine; leave it out");
  }
  auto address = IpAddress::parse(inside);
  if (!address || !address->is_v6()) return refuse(text, "what stands in brackets is not an IPv6 address");
  return address->to_text();
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view digits, std::string_view scheme) {
  if (digits.empty()) return scheme == "https" ? std::uint16_t{443} : std::uint16_t{80};  // RFC 3986 §3.2.3
  std::uint16_t port = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (status != std::errc{} || end != digits.data() + digits.size() || port == 0 || digits.size() > 5) {
    return refuse(text, "the port \"" + printable(digits, 20) + "\" is not a number from 1 to 65535");
  }
  return port;
}

Result<void> parse_authority(std::string_view text, std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) {
    // The message does not repeat what may be a password.
    const std::string_view host = authority.substr(authority.rfind('@') + 1);
    return refuse("...@" + std::string(host), "it holds a user name or password before \"@\"; leave that out");
  }
  std::string_view host = authority;
  std::string_view port;
  const bool is_bracketed = authority.starts_with('[');
  if (is_bracketed) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return refuse(text, "the bracket of the IPv6 address is not closed");
    host = authority.substr(1, end - 1);
    const std::string_view rest = authority.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return refuse(text, "only a port may follow the bracket");
    if (!rest.empty()) port = rest.substr(1);
  } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
    if (port.find(':') != std::string_view::npos) {
      return refuse(text, "there are two colons in the host; an IPv6 address stands in brackets");
    }
  }
  auto parsed_host = is_bracketed ? parse_bracketed_host(text, host) : parse_host_name(text, host);
  if (!parsed_host) return std::move(parsed_host).error();
  auto parsed_port = parse_port(text, port, url.scheme);
  if (!parsed_port) return std::move(parsed_port).error();
  url.host = *std::move(parsed_host);
  url.port = *parsed_port;
  return {};
}

// RFC 3986 §5.2.4, for an absolute path without query.
std::string without_dot_segments(std::string_view path) {
  std::string output;
  std::size_t start = 0;
  while (start < path.size()) {
    // Here path[start] is "/"; a segment runs to the next one.
    const std::size_t end = std::min(path.find('/', start + 1), path.size());
    const std::string_view segment = path.substr(start + 1, end - start - 1);
    const bool is_last = end == path.size();
    if (segment == "..") {
      output.erase(std::min(output.rfind('/'), output.size()));
      if (is_last) output += '/';
    } else if (segment == ".") {
      if (is_last) output += '/';
    } else {
      output.append(path.substr(start, end - start));
    }
    start = end;
  }
  return output.empty() ? "/" : output;
}

std::string normalised_path(std::string_view path_and_query) {
  const std::size_t query = std::min(path_and_query.find('?'), path_and_query.size());
  return without_dot_segments(path_and_query.substr(0, query)) + std::string(path_and_query.substr(query));
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (auto checked = check_characters(text); !checked) return std::move(checked).error();
  Url url;
  const std::size_t length = scheme_length(text);
  url.scheme = lower(text.substr(0, length));
  if (length == 0) return refuse(text, "the scheme is missing; write https://...");
  if (url.scheme != "http" && url.scheme != "https") return refuse(text, "its scheme is neither http nor https");
  std::string_view rest = text.substr(length + 1);
  if (!rest.starts_with("//")) return refuse(text, "\"//\" must follow the scheme");
  rest.remove_prefix(2);

  const std::size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  if (auto parsed = parse_authority(text, rest.substr(0, authority_end), url); !parsed) {
    return std::move(parsed).error();
  }
  rest.remove_prefix(authority_end);
  rest = rest.substr(0, rest.find('#'));
  url.path = with_encoded_bytes(rest);
  if (!url.path.starts_with('/')) url.path.insert(0, "/");
  // Encoding makes it longer; what parse() returns it must also take.
  if (url.to_text().size() > kUrlBytesMax) {
    return refuse(text, "percent-encoded, it is longer than " + std::to_string(kUrlBytesMax) + " bytes");
  }
  return url;
}

Result<Url> Url::resolve(std::string_view reference) const {
  if (auto checked = check_characters(reference); !checked) return std::move(checked).error();
  const std::string_view relative = reference.substr(0, reference.find('#'));
  std::string absolute;
  if (scheme_length(relative) != 0) {
    absolute = relative;
  } else if (relative.starts_with("//")) {
    absolute = scheme + ":" + std::string(relative);
  } else if (relative.empty()) {
    return *this;
  } else if (relative.starts_with('/')) {
    absolute = origin() + std::string(relative);
  } else {
    const std::string_view base_path = std::string_view(path).substr(0, path.find('?'));
    const std::string_view kept = relative.starts_with('?') ? base_path : base_path.substr(0, base_path.rfind('/') + 1);
    absolute = origin() + std::string(kept) + std::string(relative);
  }
  auto resolved = parse(absolute);
  if (!resolved) return resolved;
  resolved->path = normalised_path(resolved->path);
  return resolved;
}

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (!has_default_port()) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const { return scheme + "://" + authority(); }

std::string Url::to_text() const { return origin() + path; }

}  // namespace weir::egress

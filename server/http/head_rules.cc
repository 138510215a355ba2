#include "server/http/head_rules.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.h"

namespace weir::http {
namespace {

// The parser behind the framer takes request lines of up to 8 KiB; the rest of the line is method and version.
constexpr std::size_t kTargetBytesMax = 8'000;
// Longer than any registered method; keeps the message short.
constexpr std::size_t kMethodBytesMax = 32;
constexpr std::size_t kHostBytesMax = 300;   // a DNS name has at most 253 characters, then ":65535"
constexpr std::size_t kQuotedBytesMax = 60;  // of the sender's bytes in a message

Refusal bad_request(std::string message) { return {400, std::move(message)}; }

std::string quoted(std::string_view bytes) { return '"' + printable(bytes, kQuotedBytesMax) + '"'; }

constexpr auto kTokenCharacters = [] {
  std::array<bool, 256> allowed{};
  for (const char c :
       std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    allowed[static_cast<unsigned char>(c)] = true;
  }
  return allowed;
}();

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t authority_end(std::string_view target) {
  const std::size_t start = target.find("://") + 3;
  return std::min(target.find_first_of("/?", start), target.size());
}

bool is_absolute_form(std::string_view target) {
  const auto begins_with = [&](std::string_view scheme) {
    return target.size() > scheme.size() && equal_without_case(target.substr(0, scheme.size()), scheme);
  };
  return (begins_with("http://") || begins_with("https://")) && authority_end(target) > target.find("://") + 3;
}

std::optional<Refusal> check_target_bytes(std::string_view target) {
  bool in_query = false;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto byte = static_cast<unsigned char>(target[i]);
    if (byte <= 0x20 || byte >= 0x7F) {
      return bad_request("The request target " + quoted(target) +
                         " holds a byte that must be percent-encoded (a control character, a space or non-ASCII).");
    }
    if (byte == '#') return bad_request("The request target " + quoted(target) + " holds a fragment; leave it out.");
    if (byte == '?') in_query = true;
    if (byte != '%') continue;
    const int high = i + 2 < target.size() ? hex_value(target[i + 1]) : -1;
    const int low = i + 2 < target.size() ? hex_value(target[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return bad_request("The request target " + quoted(target) +
                         " holds a '%' without two hexadecimal digits; write a literal percent sign as %25.");
    }
    const int decoded = high * 16 + low;
    if (decoded == 0) return bad_request("The request target " + quoted(target) + " holds an encoded NUL (%00).");
    if (!in_query && (decoded < 0x20 || decoded == 0x7F)) {
      return bad_request("The path of " + quoted(target) + " holds an encoded control character.");
    }
  }
  return std::nullopt;
}

std::optional<Refusal> check_target(std::string_view method, std::string_view target) {
  if (target.empty()) return bad_request("The request line has no target; write METHOD /path HTTP/1.1.");
  if (target.size() > kTargetBytesMax) {
    return Refusal{414, "The request target has " + std::to_string(target.size()) + " bytes; at most " +
                            std::to_string(kTargetBytesMax) + " are accepted."};
  }
  if (auto refusal = check_target_bytes(target)) return refusal;
  if (target.front() == '/' || is_absolute_form(target)) return std::nullopt;
  if (target == "*" && method == "OPTIONS") return std::nullopt;
  return bad_request("The request target " + quoted(target) + " is neither a path nor an http URL.");
}

std::optional<Refusal> read_version(std::string_view version, RequestHead& head) {
  const bool has_form = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                        version[6] == '.' && is_digit(version[7]);
  if (!has_form) {
    return bad_request("The request line does not end in an HTTP version but in " + quoted(version) + ".");
  }
  if (version[5] != '1' || version[7] > '1') {
    return Refusal{505, "The version " + quoted(version) + " is not served here; use HTTP/1.1."};
  }
  head.minor_version = version[7] - '0';
  return std::nullopt;
}

std::optional<Refusal> check_host(const RequestHead& head) {
  const std::size_t count = head.headers.count("Host");
  if (count == 0) {
    if (head.minor_version == 0) return std::nullopt;
    return bad_request("The Host header is missing; HTTP/1.1 requires it.");
  }
  if (count > 1) return bad_request("The Host header is given " + std::to_string(count) + " times; send it once.");
  const std::string_view host = *head.headers.find("Host");
  const auto is_host_character = [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view("-._~%:[]!$&'()*+;=").find(c) != std::string_view::npos;
  };
  if (host.empty() || host.size() > kHostBytesMax || !std::ranges::all_of(host, is_host_character)) {
    return bad_request("The Host header " + quoted(host) + " is not a host name or address with an optional port.");
  }
  return std::nullopt;
}

std::optional<Refusal> read_transfer_encoding(const RequestHead& head, HeadMeaning& meaning) {
  const std::size_t count = head.headers.count("Transfer-Encoding");
  if (count == 0) return std::nullopt;
  // RFC 9112 §6.1: a message that could be framed in two ways is how requests are smuggled.
  if (head.headers.count("Content-Length") > 0) {
    return bad_request("The request has both Content-Length and Transfer-Encoding; send one of them.");
  }
  if (head.minor_version == 0) return bad_request("Transfer-Encoding does not exist in HTTP/1.0; use Content-Length.");
  if (count > 1) return bad_request("The Transfer-Encoding header is repeated; send it once.");
  const std::string_view coding = *head.headers.find("Transfer-Encoding");
  if (!equal_without_case(coding, "chunked")) {
    return Refusal{501, "The transfer coding " + quoted(coding) + " is not supported; only chunked is."};
  }
  meaning.is_chunked = true;
  return std::nullopt;
}

std::optional<Refusal> read_content_length(const RequestHead& head, std::size_t body_bytes_max, HeadMeaning& meaning) {
  const std::size_t count = head.headers.count("Content-Length");
  if (count == 0) return std::nullopt;
  if (count > 1) {
    return bad_request("The Content-Length header is given " + std::to_string(count) + " times; send it once.");
  }
  const std::string_view text = *head.headers.find("Content-Length");
  if (text.empty() || !std::ranges::all_of(text, is_digit)) {
    return bad_request("The Content-Length " + quoted(text) + " is not a decimal number.");
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), meaning.content_length);
  if (error != std::errc{} || meaning.content_length > body_bytes_max) {
    return Refusal{413, "The body has " + printable(text, kQuotedBytesMax) + " bytes; at most " +
                            std::to_string(body_bytes_max) + " are accepted."};
  }
  return std::nullopt;
}

std::optional<Refusal> read_expectation(const RequestHead& head, HeadMeaning& meaning) {
  const auto expectation = head.headers.find("Expect");
  // RFC 9110 §10.1.1: an expectation in an HTTP/1.0 request is ignored.
  if (!expectation || head.minor_version == 0) return std::nullopt;
  if (!equal_without_case(*expectation, "100-continue")) {
    return Refusal{417, "The expectation " + quoted(*expectation) + " is not supported; only 100-continue is."};
  }
  meaning.expects_continue = meaning.is_chunked || meaning.content_length > 0;
  return std::nullopt;
}

}  // namespace

bool equal_without_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() && std::ranges::equal(left, right, {}, lower, lower);
}

std::string_view without_outer_space(std::string_view value) {
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  return value;
}

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return kTokenCharacters[static_cast<unsigned char>(c)]; });
}

int hex_value(char digit) {
  if (is_digit(digit)) return digit - '0';
  const char small = lower(digit);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

bool list_holds(std::string_view value, std::string_view token) {
  while (true) {
    const std::size_t comma = std::min(value.find(','), value.size());
    if (equal_without_case(without_outer_space(value.substr(0, comma)), token)) return true;
    if (comma == value.size()) return false;
    value.remove_prefix(comma + 1);
  }
}

std::optional<Refusal> read_request_line(std::string_view line, RequestHead& head) {
  const std::size_t first_space = line.find(' ');
  const std::size_t last_space = line.rfind(' ');
  const std::string_view method = line.substr(0, first_space);
  if (!is_token(method) || method.size() > kMethodBytesMax) {
    return bad_request("The request begins with " + quoted(method) +
                       ", which is not an HTTP method; this port speaks plain HTTP/1.1.");
  }
  if (first_space == last_space) {
    return bad_request("The request line " + quoted(line) + " is not of the form METHOD /path HTTP/1.1.");
  }
  const std::string_view target = line.substr(first_space + 1, last_space - first_space - 1);
  if (auto refusal = read_version(line.substr(last_space + 1), head)) return refusal;
  if (auto refusal = check_target(method, target)) return refusal;
  head.method = method;
  head.target = target;
  return std::nullopt;
}

std::optional<Refusal> read_header_line(std::string_view line, Headers& headers) {
  if (line.front() == ' ' || line.front() == '\t') {
    return bad_request("A header line begins with white space (obsolete line folding); send each header on one line.");
  }
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name)) {
    return bad_request("The header line " + quoted(name) +
                       " is not of the form Name: value (no white space before the colon).");
  }
  const std::string_view value = without_outer_space(line.substr(colon + 1));
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7F;
  };
  if (std::ranges::any_of(value, is_control)) {
    return bad_request("The value of the header " + quoted(name) + " holds a control character.");
  }
  headers.add(std::string(name), std::string(value));
  return std::nullopt;
}

std::optional<Refusal> read_meaning(const RequestHead& head, std::size_t body_bytes_max, HeadMeaning& meaning) {
  if (auto refusal = check_host(head)) return refusal;
  if (auto refusal = read_transfer_encoding(head, meaning)) return refusal;
  if (auto refusal = read_content_length(head, body_bytes_max, meaning)) return refusal;
  if (auto refusal = read_expectation(head, meaning)) return refusal;
  meaning.keeps_alive = head.minor_version == 1;
  for (const auto& [name, value] : head.headers.fields()) {
    if (!equal_without_case(name, "Connection")) continue;
    if (list_holds(value, "close")) {
      meaning.keeps_alive = false;
      break;
    }
    if (list_holds(value, "keep-alive")) meaning.keeps_alive = true;
  }
  return std::nullopt;
}

std::string origin_form(std::string_view target) {
  if (target == "*") return "/";
  if (target.front() == '/') return std::string(target);
  const std::string_view rest = target.substr(authority_end(target));
  return rest.starts_with('/') ? std::string(rest) : '/' + std::string(rest);
}

}  // namespace weir::http

// URLs that Weir may scan or call, read so strictly that no two parsers can disagree about the host: most
// server-side request forgery lives in such disagreements. Pure: no DNS.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::egress {

// Longer URLs are refused; common servers stop between 2 and 8 KiB.
inline constexpr std::size_t kUrlBytesMax = 2048;

// A URL that may be scanned or called: http or https, no userinfo, a normalised host. Not thread-safe: a value.
struct Url {
  std::string scheme;      // "http" or "https"
  std::string host;        // lower case, no trailing dot, IPv6 without brackets
  std::uint16_t port = 0;  // always set
  std::string path = "/";  // with query, without fragment; bytes beyond ASCII are percent-encoded

  // Refuses with validation_failed: other schemes, userinfo, empty hosts, control characters, hosts beyond
  // ASCII (to be written as xn--), and hosts that libc would read as an IPv4 address though they are not
  // dotted-quad (0x7f.1, 2130706433, 0177.0.0.1). Dot segments of the path are kept: checks need to send them.
  static Result<Url> parse(std::string_view text);
  // RFC 3986 §5: `reference` as found in a Location header or a link. Refuses what parse() refuses.
  [[nodiscard]] Result<Url> resolve(std::string_view reference) const;
  [[nodiscard]] bool has_default_port() const { return port == (scheme == "https" ? 443 : 80); }
  [[nodiscard]] std::string authority() const;  // host[:port], IPv6 in brackets, default port left out
  [[nodiscard]] std::string origin() const;     // scheme://authority
  [[nodiscard]] std::string to_text() const;    // origin + path

  friend bool operator==(const Url&, const Url&) = default;
};

}  // namespace weir::egress

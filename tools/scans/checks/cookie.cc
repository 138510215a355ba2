#include "tools/scans/checks/cookie.h"

#include <algorithm>
#include <array>

#include "tools/scans/checks/ascii.h"

namespace weir::tools::scans {

Cookie parse_cookie(std::string_view line) {
  Cookie cookie;
  cookie.line = line;
  const auto parts = ascii::split(line, ';');
  const std::string_view pair = parts.front();
  const std::size_t equals = pair.find('=');
  // RFC 6265bis §5.6: without "=" the whole is the value of a nameless cookie.
  cookie.name = equals == std::string_view::npos ? std::string_view{} : ascii::trimmed(pair.substr(0, equals));
  cookie.value = equals == std::string_view::npos ? pair : ascii::trimmed(pair.substr(equals + 1));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t at = parts[i].find('=');
    const std::string_view name = ascii::trimmed(parts[i].substr(0, at));
    const std::string_view value = at == std::string_view::npos ? "" : ascii::trimmed(parts[i].substr(at + 1));
    // The last one of a name counts.
    if (ascii::equal(name, "secure")) cookie.is_secure = true;
    if (ascii::equal(name, "httponly")) cookie.is_http_only = true;
    if (ascii::equal(name, "samesite")) cookie.same_site = value;
    if (ascii::equal(name, "path")) cookie.path = value;
    if (ascii::equal(name, "domain")) cookie.domain = value.starts_with('.') ? value.substr(1) : value;
    if (ascii::equal(name, "max-age") && (value == "0" || value.starts_with('-'))) cookie.is_deletion = true;
    if (ascii::equal(name, "expires") && ascii::contains(value, "1970")) cookie.is_deletion = true;
  }
  return cookie;
}

bool Cookie::is_session_like() const {
  constexpr std::array<std::string_view, 7> kParts{"sess", "sid", "auth", "token", "jwt", "login", "remember"};
  return std::ranges::any_of(kParts, [this](std::string_view part) { return ascii::contains(name, part); });
}

bool Cookie::is_anti_forgery() const { return ascii::contains(name, "csrf") || ascii::contains(name, "xsrf"); }

}  // namespace weir::tools::scans

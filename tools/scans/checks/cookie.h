// Set-Cookie lines (RFC 6265bis §5.6), each parsed on its own: a joined header cannot be taken apart again, since
// Expires holds a comma.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/scans/checks/observations.h"

namespace weir::tools::scans {

// One Set-Cookie line of one hop. Views into the hop's response. Not thread-safe: a value.
struct Cookie {
  std::string_view line;
  std::string_view name;
  std::string_view value;
  bool is_secure = false;
  bool is_http_only = false;
  bool is_deletion = false;  // Max-Age of 0 or less, or an Expires in 1970
  std::optional<std::string_view> same_site;
  std::optional<std::string_view> path;
  std::string_view domain;  // without the leading dot; "" if absent

  // By its name, the cookie carries a session: sess, sid, auth, token, jwt, login or remember.
  [[nodiscard]] bool is_session_like() const;
  [[nodiscard]] bool is_anti_forgery() const;  // csrf or xsrf
};

Cookie parse_cookie(std::string_view line);

}  // namespace weir::tools::scans

#include "tests/unit/scan_engine/sites.h"

namespace weir::tools::scans {
namespace {

using enum Severity;
using S = Observations;

Arrange cookie(std::string line) {
  return [line](S& s) { set_cookie(s, line); };
}

}  // namespace

std::vector<RuleCase> cookie_cases() {
  return {
      fires("cookie.secure", "session without Secure", medium, "not_secure",
            cookie("SESSIONID=x; HttpOnly; SameSite=Lax")),
      fires("cookie.secure", "other without Secure", low, "not_secure", cookie("theme=dark; SameSite=Lax")),
      fires("cookie.secure", "over http, though Secure", medium, "set_over_http",
            [](S& s) {
              s.http.hops.front().answer.value().headers.emplace_back("Set-Cookie", "auth=x; Secure; HttpOnly");
            }),
      fires("cookie.secure", "the worst of one name", medium, "not_secure",
            [](S& s) {
              set_cookie(s, "sid=1; Secure");
              add_header(s, "Set-Cookie", "sid=2");
            }),
      quiet("cookie.secure", "Secure in any case", cookie("sid=x; sEcUrE")),
      quiet("cookie.secure", "a deletion protects nothing", cookie("sid=; Expires=Thu, 01 Jan 1970 00:00:00 GMT")),
      quiet("cookie.secure", "none at all", [](S& s) { drop_header(s, "Set-Cookie"); }),
      unable("cookie.secure", "no answer", CheckState::error,
             [](S& s) {
               s.http = {};
               s.https = failed_chain("https://app.example/", Error(ErrorCode::unavailable, "refused"));
             }),

      fires("cookie.httponly", "session", medium, "", cookie("jwt=x; Secure")),
      fires("cookie.httponly", "other", info, "", cookie("theme=x; Secure")),
      quiet("cookie.httponly", "anti-forgery token must be read", cookie("XSRF-TOKEN=x; Secure")),
      quiet("cookie.httponly", "csrf in the name", cookie("csrftoken=x")),
      quiet("cookie.httponly", "HttpOnly", cookie("sid=x; httponly")),

      fires("cookie.samesite.missing", "absent", low, "", cookie("sid=x; Secure; HttpOnly")),
      quiet("cookie.samesite.missing", "present", cookie("sid=x; SameSite=Strict")),

      fires("cookie.samesite.invalid", "unknown", medium, "unknown_value", cookie("sid=x; Secure; SameSite=Loose")),
      fires("cookie.samesite.invalid", "empty", medium, "unknown_value", cookie("sid=x; Secure; SameSite=")),
      fires("cookie.samesite.invalid", "None without Secure", medium, "none_without_secure",
            cookie("sid=x; SameSite=None")),
      quiet("cookie.samesite.invalid", "None with Secure", cookie("sid=x; SameSite=none; Secure")),
      quiet("cookie.samesite.invalid", "absent is another rule", cookie("sid=x")),
      quiet("cookie.samesite.invalid", "lower case", cookie("sid=x; samesite=lax")),

      fires("cookie.prefix", "__Host- with Domain", low, "host_with_domain",
            cookie("__Host-a=x; Secure; Path=/; Domain=app.example")),
      fires("cookie.prefix", "__Host- with another path", low, "host_path", cookie("__Host-a=x; Secure; Path=/app")),
      fires("cookie.prefix", "__Host- without path", low, "host_path", cookie("__Host-a=x; Secure")),
      fires("cookie.prefix", "__Host- without Secure", low, "host_without_secure", cookie("__Host-a=x; Path=/")),
      fires("cookie.prefix", "__Secure- without Secure", low, "secure_without_secure", cookie("__Secure-a=x")),
      quiet("cookie.prefix", "kept", cookie("__Host-a=x; Path=/; Secure")),
      quiet("cookie.prefix", "no prefix", cookie("a=x")),

      fires("cookie.domain_wide", "parent", info, "", cookie("sid=x; Domain=.example")),
      quiet("cookie.domain_wide", "own host", cookie("sid=x; Domain=app.example")),
      quiet("cookie.domain_wide", "only looks like a parent", cookie("sid=x; Domain=p.example")),
      quiet("cookie.domain_wide", "host-only", cookie("sid=x")),

      fires("cookie.session_in_url", "jsessionid in a link", medium, "link",
            [](S& s) { set_body(s, "<a href='/cart;jsessionid=ABC123?x=1'>cart</a>"); }),
      fires("cookie.session_in_url", "PHPSESSID in a Location", medium, "location",
            [](S& s) {
              s.https = chain_of({"https://app.example/", "https://app.example/in?PHPSESSID=s3cr3t"},
                                 "https://app.example/home", page_response(s));
            }),
      fires("cookie.session_in_url", "sid after an escaped ampersand", medium, "link",
            [](S& s) { set_body(s, "<a href='https://app.example/?a=1&amp;sid=9'>x</a>"); }),
      quiet("cookie.session_in_url", "inside another name", [](S& s) { set_body(s, "<a href='/?outsid=1'>x</a>"); }),
      quiet("cookie.session_in_url", "another origin",
            [](S& s) { set_body(s, "<a href='https://b.example/?sid=1'>x</a>"); }),
      quiet("cookie.session_in_url", "plain links", [](S&) {}),
  };
}

}  // namespace weir::tools::scans

#include "tests/unit/scan_engine/sites.h"

namespace weir::tools::scans {
namespace {

using enum Severity;
using S = Observations;

Arrange header(std::string name, std::string value) {
  return [name, value](S& s) { set_header(s, name, value); };
}
Arrange security_txt(int status, std::string type, std::string text) {
  return [=](S& s) {
    s.security_txt = chain_of({}, "https://app.example/.well-known/security.txt",
                              response_of(status, {{"Content-Type", type}}, text));
  };
}
Arrange robots(std::string type, std::string text) {
  return [=](S& s) {
    s.robots = chain_of({}, "https://app.example/robots.txt", response_of(200, {{"Content-Type", type}}, text));
  };
}

}  // namespace

std::vector<RuleCase> disclosure_cases() {
  return {
      fires("info.version", "Server", info, "", header("Server", "nginx/1.25.3")),
      fires("info.version", "X-Powered-By", info, "", header("X-Powered-By", "PHP/8.2.1")),
      fires("info.version", "dotted only", info, "", header("X-AspNet-Version", "4.0.30319")),
      fires("info.version", "after a space", info, "", header("X-Generator", "Drupal 10 (https://drupal.example)")),
      quiet("info.version", "name only", header("Server", "cloudfront")),
      quiet("info.version", "digits in the name", header("Server", "h2o")),

      fires("info.debug_header", "Symfony", low, "", header("X-Debug-Token-Link", "/_profiler/abc")),
      fires("info.debug_header", "ChromeLogger", low, "", header("X-ChromeLogger-Data", "e30=")),
      quiet("info.debug_header", "none", [](S&) {}),

      fires("info.security_txt", "absent", info, "absent", security_txt(404, "text/html", "no")),
      fires("info.security_txt", "a page that answers 200", info, "not_text", security_txt(200, "text/html", "<html>")),
      fires("info.security_txt", "no Contact", info, "no_contact",
            security_txt(200, "text/plain", "Expires: 2030-01-01T00:00:00Z\n")),
      fires("info.security_txt", "Contact in a comment", info, "no_contact",
            security_txt(200, "text/plain", "# Contact: mailto:a@b\nExpires: 2030-01-01T00:00:00Z\n")),
      fires("info.security_txt", "no Expires", info, "no_expires",
            security_txt(200, "text/plain", "Contact: mailto:a@b\n")),
      fires("info.security_txt", "expired", info, "expired",
            security_txt(200, "text/plain", "Contact: mailto:a@b\nExpires: 2020-01-01T00:00:00Z\n")),
      fires("info.security_txt", "not a date", info, "invalid_expires",
            security_txt(200, "text/plain", "Contact: mailto:a@b\nExpires: never\n")),
      quiet("info.security_txt", "usable", [](S&) {}),
      unable("info.security_txt", "server error", CheckState::error, security_txt(500, "text/plain", "")),
      unable("info.security_txt", "budget", CheckState::skipped,
             [](S& s) {
               s.security_txt = {};
               s.security_txt.end = ChainEnd::budget;
             }),

      fires("info.robots_hints", "admin", info, "", robots("text/plain", "User-agent: *\r\nDISALLOW: /Admin/\r\n")),
      quiet("info.robots_hints", "ordinary paths", [](S&) {}),
      quiet("info.robots_hints", "an HTML page is no robots.txt", robots("text/html", "Disallow: /admin")),
  };
}

}  // namespace weir::tools::scans

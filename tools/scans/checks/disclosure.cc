// info.*: what headers and the two well-known text files give away, or fail to say.
#include <algorithm>
#include <array>
#include <optional>

#include "tools/scans/checks/ascii.h"
#include "tools/scans/checks/evidence.h"
#include "tools/scans/checks/groups.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kVersionReferences[] = {"https://www.rfc-editor.org/rfc/rfc9110#section-10.2.4"};
constexpr std::string_view kDebugReferences[] = {"https://symfony.com/doc/current/profiler.html"};
constexpr std::string_view kSecurityTxtReferences[] = {"https://www.rfc-editor.org/rfc/rfc9116"};
constexpr std::string_view kRobotsReferences[] = {"https://www.rfc-editor.org/rfc/rfc9309#section-3"};

// "nginx/1.25.3", "PHP/8.2", "4.0.30319", "WordPress 6.4": a digit, alone or with dots, that starts a word or
// follows "/" or " v". Digits inside a product's name ("h2o", "Apache2") are no version unless dotted.
bool has_version(std::string_view value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!ascii::is_digit(value[i])) continue;
    const char before = i == 0 ? ' ' : value[i - 1];
    if (before == '/' || before == ' ') return true;
    if (before == 'v' && (i == 1 || value[i - 2] == ' ' || value[i - 2] == '/')) return true;
    if (before == '.' && i > 1 && ascii::is_digit(value[i - 2])) return true;
  }
  return false;
}

CheckResult version(const Rule& rule, const Observations& seen) {
  constexpr std::array<std::string_view, 5> kNames{"Server", "X-Powered-By", "X-AspNet-Version", "X-AspNetMvc-Version",
                                                   "X-Generator"};
  const Page* page = seen.page();
  if (page == nullptr) return without_page(seen, Wanted::page);
  CheckResult result;
  for (const std::string_view name : kNames) {
    for (const auto value : page->response.header_values(name)) {
      if (!has_version(value)) continue;
      Detection detection = detection_of(rule, page->url);
      detection.discriminator = ascii::lowered(name);
      detection.evidence.push_back(header_evidence(name, value));
      result.detections.push_back(std::move(detection));
      break;
    }
  }
  return result;
}

CheckResult debug_header(const Rule& rule, const Observations& seen) {
  const Page* page = seen.page();
  if (page == nullptr) return without_page(seen, Wanted::page);
  CheckResult result;
  for (const auto& [name, value] : page->response.headers) {
    if (!ascii::starts_with(name, "x-debug-") && !ascii::equal(name, "x-chromelogger-data")) continue;
    const std::string discriminator = evidence("", "", ascii::lowered(name)).value;
    if (std::ranges::find(result.detections, discriminator, &Detection::discriminator) != result.detections.end()) {
      continue;
    }
    Detection detection = detection_of(rule, page->url);
    detection.discriminator = discriminator;
    detection.evidence.push_back(header_evidence(name, value));
    result.detections.push_back(std::move(detection));
  }
  return result;
}

// The value of a field of RFC 9116; the file may be signed, so lines are read wherever they stand.
std::optional<std::string_view> security_field(std::string_view text, std::string_view wanted) {
  for (const std::string_view line : ascii::split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (line.starts_with('#') || colon == std::string_view::npos) continue;
    if (ascii::equal(ascii::trimmed(line.substr(0, colon)), wanted)) return ascii::trimmed(line.substr(colon + 1));
  }
  return std::nullopt;
}

CheckResult security_txt(const Rule& rule, const Observations& seen) {
  const Hop* hop = seen.security_txt.final_hop();
  if (hop == nullptr) return without_answer(seen.security_txt, "well-known files");
  const egress::HttpResponse& response = *hop->answer;
  if (response.status >= 500) return failed(shown_url(hop->url) + " answered " + std::to_string(response.status));
  Detection detection = detection_of(rule, seen.security_txt.hops.front().url);
  const std::string_view type = response.header("content-type").value_or("");
  if (response.status < 200 || response.status > 299) {
    detection.detail = "absent";
    detection.evidence.push_back(evidence("status", shown_url(hop->url), std::to_string(response.status)));
  } else if (!ascii::equal(ascii::trimmed(type.substr(0, type.find(';'))), "text/plain")) {
    detection.detail = "not_text";
    detection.evidence.push_back(header_evidence("Content-Type", type));
  } else if (!security_field(response.body, "contact")) {
    detection.detail = "no_contact";
  } else if (const auto expires = security_field(response.body, "expires"); !expires) {
    detection.detail = "no_expires";
  } else {
    const auto when = parse_rfc3339(*expires);
    if (when && *when >= seen.now) return {};
    detection.detail = when ? "expired" : "invalid_expires";
    detection.evidence.push_back(evidence("body", "Expires", *expires));
  }
  return found(std::move(detection));
}

CheckResult robots_hints(const Rule& rule, const Observations& seen) {
  constexpr std::array<std::string_view, 10> kTelling{"admin",      "backup",  ".git",     ".svn",   ".env",
                                                      "phpmyadmin", "private", "internal", "secret", "config"};
  const Hop* hop = seen.robots.final_hop();
  if (hop == nullptr) return without_answer(seen.robots, "robots.txt");
  const egress::HttpResponse& response = *hop->answer;
  if (response.status < 200 || response.status > 299) return {};
  const std::string_view type = response.header("content-type").value_or("text/plain");
  if (!ascii::starts_with(ascii::trimmed(type), "text/plain")) return {};  // an error page that answers 200
  Detection detection = detection_of(rule, hop->url);
  for (const std::string_view line : ascii::split(response.body, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !ascii::equal(ascii::trimmed(line.substr(0, colon)), "disallow")) continue;
    const std::string_view path = ascii::trimmed(line.substr(colon + 1));
    const bool is_telling =
        std::ranges::any_of(kTelling, [&](std::string_view part) { return ascii::contains(path, part); });
    if (is_telling && detection.evidence.size() < 5) detection.evidence.push_back(evidence("body", "Disallow", path));
  }
  if (detection.evidence.empty()) return {};
  return found(std::move(detection));
}

constexpr Check kChecks[] = {
    {{.id = "info.version",
      .group = "disclosure",
      .title = "A header tells the version of the software",
      .severity = Severity::info,
      .cwe = 200,
      .asvs = "13.4.6",
      .profile = Profile::passive,
      .description = "A version lets an attacker pick the holes that fit; without it they have to try.",
      .detection = "Server, X-Powered-By, X-AspNet-Version, X-AspNetMvc-Version or X-Generator holds a version "
                   "number.",
      .remediation = "Suppress it (nginx: server_tokens off; PHP: expose_php=Off; Apache: ServerTokens Prod), and "
                     "keep the software up to date all the same.",
      .references = kVersionReferences},
     version},
    {{.id = "info.debug_header",
      .group = "disclosure",
      .title = "A debugging aid is switched on",
      .severity = Severity::low,
      .cwe = 489,
      .asvs = "13.4.2",
      .profile = Profile::passive,
      .description = "Such headers lead to profilers and logs that show internals of the application.",
      .detection = "The entry page has an X-Debug-* or X-ChromeLogger-Data header.",
      .remediation = "Run the application in its production mode, with the profiler and log bridge off.",
      .references = kDebugReferences},
     debug_header},
    {{.id = "info.security_txt",
      .group = "disclosure",
      .title = "No usable security.txt",
      .severity = Severity::info,
      .cwe = 1059,
      .asvs = "",
      .profile = Profile::passive,
      .description = "Whoever finds a hole does not know whom to tell.",
      .detection = "/.well-known/security.txt is absent, not text/plain, lacks Contact or Expires, or has expired.",
      .remediation = "Publish the file over https with Contact and an Expires date less than a year ahead, and renew "
                     "it in time.",
      .references = kSecurityTxtReferences},
     security_txt},
    {{.id = "info.robots_hints",
      .group = "disclosure",
      .title = "robots.txt points at places that look internal",
      .severity = Severity::info,
      .cwe = 200,
      .asvs = "",
      .profile = Profile::passive,
      .description = "robots.txt is read by people too; it keeps nobody out and says where to look.",
      .detection = "A Disallow line names a path such as admin, backup, .git or internal.",
      .remediation = "Protect the paths by authentication and leave them out of robots.txt.",
      .references = kRobotsReferences},
     robots_hints},
};

}  // namespace

std::span<const Check> disclosure_checks() { return kChecks; }

}  // namespace weir::tools::scans

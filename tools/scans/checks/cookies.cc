// cookie.*: every Set-Cookie line of every hop, and session ids in URLs.
#include <algorithm>
#include <functional>
#include <set>

#include "tools/scans/checks/ascii.h"
#include "tools/scans/checks/cookie.h"
#include "tools/scans/checks/evidence.h"
#include "tools/scans/checks/groups.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kReferences[] = {
    "https://datatracker.ietf.org/doc/draft-ietf-httpbis-rfc6265bis/",
    "https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html"};

struct SetCookie {
  const Hop* hop = nullptr;
  Cookie cookie;
};

// In the order of the requests; deletions are left out, they protect nothing.
std::vector<SetCookie> cookies_of(const Observations& seen) {
  std::vector<SetCookie> cookies;
  for (const Chain* chain : {&seen.https, &seen.http}) {
    for (const Hop& hop : chain->hops) {
      if (!hop.answer) continue;
      for (const auto line : hop.answer->header_values("set-cookie")) {
        const Cookie cookie = parse_cookie(line);
        if (!cookie.is_deletion) cookies.push_back({&hop, cookie});
      }
    }
  }
  return cookies;
}

// What is wrong with one cookie; nothing if it is fine.
struct Verdict {
  Severity severity = Severity::low;
  std::string_view detail;
};
using Judge = std::optional<Verdict> (*)(const SetCookie& set);

// One detection a cookie name, the worst: a site that sets a cookie twice has one thing to mend.
CheckResult each_cookie(const Rule& rule, const Observations& seen, Judge judge) {
  if (seen.http.first_answer() == nullptr && seen.https.first_answer() == nullptr) {
    return without_page(seen, Wanted::page);
  }
  CheckResult result;
  for (const SetCookie& set : cookies_of(seen)) {
    const auto verdict = judge(set);
    if (!verdict) continue;
    const std::string name = evidence("", "", set.cookie.name).value;
    const auto same = std::ranges::find(result.detections, name, &Detection::discriminator);
    if (same != result.detections.end() && same->severity >= verdict->severity) continue;
    Detection detection = detection_of(rule, set.hop->url, std::string(verdict->detail));
    detection.severity = verdict->severity;
    detection.discriminator = name;
    detection.evidence.push_back(cookie_evidence(set.cookie.line));
    if (same != result.detections.end()) {
      *same = std::move(detection);
    } else {
      result.detections.push_back(std::move(detection));
    }
  }
  return result;
}

CheckResult secure(const Rule& rule, const Observations& seen) {
  return each_cookie(rule, seen, [](const SetCookie& set) -> std::optional<Verdict> {
    const Severity severity = set.cookie.is_session_like() ? Severity::medium : Severity::low;
    if (set.hop->url.scheme == "http") return Verdict{severity, "set_over_http"};
    if (!set.cookie.is_secure) return Verdict{severity, "not_secure"};
    return std::nullopt;
  });
}

CheckResult http_only(const Rule& rule, const Observations& seen) {
  return each_cookie(rule, seen, [](const SetCookie& set) -> std::optional<Verdict> {
    // Scripts must read an anti-forgery cookie to send it back.
    if (set.cookie.is_http_only || set.cookie.is_anti_forgery()) return std::nullopt;
    return Verdict{set.cookie.is_session_like() ? Severity::medium : Severity::info, ""};
  });
}

CheckResult same_site_missing(const Rule& rule, const Observations& seen) {
  return each_cookie(rule, seen, [](const SetCookie& set) -> std::optional<Verdict> {
    if (set.cookie.same_site) return std::nullopt;
    return Verdict{Severity::low, ""};
  });
}

CheckResult same_site_invalid(const Rule& rule, const Observations& seen) {
  return each_cookie(rule, seen, [](const SetCookie& set) -> std::optional<Verdict> {
    if (!set.cookie.same_site) return std::nullopt;
    const std::string_view value = *set.cookie.same_site;
    if (ascii::equal(value, "none")) {
      return set.cookie.is_secure ? std::nullopt : std::optional(Verdict{Severity::medium, "none_without_secure"});
    }
    if (ascii::equal(value, "lax") || ascii::equal(value, "strict")) return std::nullopt;
    return Verdict{Severity::medium, "unknown_value"};
  });
}

CheckResult prefix(const Rule& rule, const Observations& seen) {
  return each_cookie(rule, seen, [](const SetCookie& set) -> std::optional<Verdict> {
    const Cookie& cookie = set.cookie;
    if (ascii::starts_with(cookie.name, "__secure-") && !cookie.is_secure) {
      return Verdict{Severity::low, "secure_without_secure"};
    }
    if (!ascii::starts_with(cookie.name, "__host-")) return std::nullopt;
    if (!cookie.is_secure) return Verdict{Severity::low, "host_without_secure"};
    if (!cookie.domain.empty()) return Verdict{Severity::low, "host_with_domain"};
    if (cookie.path != "/") return Verdict{Severity::low, "host_path"};
    return std::nullopt;
  });
}

CheckResult domain_wide(const Rule& rule, const Observations& seen) {
  return each_cookie(rule, seen, [](const SetCookie& set) -> std::optional<Verdict> {
    const std::string_view host = set.hop->url.host;
    const std::string_view domain = set.cookie.domain;
    const bool is_parent = !domain.empty() && host.size() > domain.size() + 1 &&
                           ascii::equal(host.substr(host.size() - domain.size()), domain) &&
                           host[host.size() - domain.size() - 1] == '.';
    if (!is_parent) return std::nullopt;
    return Verdict{Severity::info, ""};
  });
}

// The name of the parameter that carries a session id in this URL; "" if none.
std::string_view session_parameter(std::string_view url) {
  std::size_t at = 0;
  while ((at = url.find_first_of(";?&", at)) != std::string_view::npos) {
    const std::string_view rest = url.substr(at + 1);
    if (url[at] == ';' && ascii::starts_with(rest, "jsessionid=")) return "jsessionid";
    if (url[at] != ';' && ascii::starts_with(rest, "phpsessid=")) return "PHPSESSID";
    if (ascii::starts_with(rest, "sid=")) return "sid";
    ++at;
  }
  return {};
}

CheckResult session_in_url(const Rule& rule, const Observations& seen) {
  if (seen.http.first_answer() == nullptr && seen.https.first_answer() == nullptr) {
    return without_page(seen, Wanted::page);
  }
  CheckResult result;
  std::set<std::string, std::less<>> reported;
  const auto report = [&](const egress::Url& where, std::string_view label, std::string_view url) {
    const std::string_view name = session_parameter(url);
    if (name.empty() || !reported.emplace(name).second) return;
    Detection detection = detection_of(rule, where, label == "Location" ? "location" : "link");
    detection.discriminator = name;
    Evidence proof = evidence("url", std::string(label), shown_reference(url));
    proof.value += " (" + std::string(name) + "=[redacted])";
    proof.is_redacted = true;
    detection.evidence.push_back(std::move(proof));
    result.detections.push_back(std::move(detection));
  };
  for (const Chain* chain : {&seen.https, &seen.http}) {
    for (const Hop& hop : chain->hops) {
      if (!hop.answer) continue;
      if (const auto location = hop.answer->header("location")) report(hop.url, "Location", *location);
    }
  }
  for (const auto* page : {&seen.https_page, &seen.http_page}) {
    if (!*page) continue;
    const auto base = (*page)->html.base_href.empty() ? (*page)->url : (*page)->url.resolve((*page)->html.base_href);
    for (const std::string& link : (*page)->html.links) {
      if (session_parameter(link).empty() || !base) continue;
      const auto resolved = base->resolve(link);
      if (resolved && resolved->origin() == (*page)->url.origin()) report((*page)->url, "link", link);
    }
  }
  return result;
}

constexpr Check kChecks[] = {
    {{.id = "cookie.secure",
      .group = "cookies",
      .title = "A cookie may travel without TLS",
      .severity = Severity::medium,
      .cwe = 614,
      .asvs = "3.3.1",
      .profile = Profile::passive,
      .description = "Whoever reads or forges plain http traffic gets the cookie, and with a session cookie the "
                     "session.",
      .detection = "The cookie is set over https without Secure, or over http at all. Low if its name does not look "
                   "like a session's.",
      .remediation = "Set the cookie over https only, with the Secure attribute and, if it can be, the __Host- prefix.",
      .references = kReferences},
     secure},
    {{.id = "cookie.httponly",
      .group = "cookies",
      .title = "Scripts can read a cookie",
      .severity = Severity::medium,
      .cwe = 1004,
      .asvs = "3.3.4",
      .profile = Profile::passive,
      .description = "A script that is injected into the page can take a session cookie away if HttpOnly is missing.",
      .detection = "No HttpOnly. Info if the name does not look like a session's; names with csrf or xsrf are left "
                   "out, since scripts must read those.",
      .remediation = "Add HttpOnly to every cookie that scripts do not need.",
      .references = kReferences},
     http_only},
    {{.id = "cookie.samesite.missing",
      .group = "cookies",
      .title = "A cookie does not say SameSite",
      .severity = Severity::low,
      .cwe = 1275,
      .asvs = "3.3.2",
      .profile = Profile::passive,
      .description = "Whether the cookie goes along with requests from other sites is then left to each browser's "
                     "default.",
      .detection = "A Set-Cookie line has no SameSite attribute.",
      .remediation = "Add SameSite=Lax, or Strict where links from elsewhere need no session.",
      .references = kReferences},
     same_site_missing},
    {{.id = "cookie.samesite.invalid",
      .group = "cookies",
      .title = "The SameSite attribute of a cookie has no effect",
      .severity = Severity::medium,
      .cwe = 1275,
      .asvs = "3.3.2",
      .profile = Profile::passive,
      .description = "Browsers ignore an unknown value and reject SameSite=None without Secure, so the cookie is "
                     "either unprotected or lost.",
      .detection = "The value is not Lax, Strict or None, or it is None without Secure.",
      .remediation = "Use SameSite=Lax or Strict; use None only together with Secure and only if other sites embed "
                     "this one.",
      .references = kReferences},
     same_site_invalid},
    {{.id = "cookie.prefix",
      .group = "cookies",
      .title = "A cookie breaks the rules of its name prefix",
      .severity = Severity::low,
      .cwe = 614,
      .asvs = "3.3.3",
      .profile = Profile::passive,
      .description = "Browsers drop a __Host- or __Secure- cookie that does not keep the prefix's rules, so what "
                     "depends on it does not work.",
      .detection = "__Host- with Domain, with a Path other than /, or without Secure; __Secure- without Secure.",
      .remediation = "Set __Host-name=value; Path=/; Secure without Domain; set __Secure- cookies with Secure.",
      .references = kReferences},
     prefix},
    {{.id = "cookie.domain_wide",
      .group = "cookies",
      .title = "A cookie is shared with a parent domain",
      .severity = Severity::info,
      .cwe = 565,
      .asvs = "",
      .profile = Profile::passive,
      .description = "Every host under the parent domain receives the cookie and can overwrite it.",
      .detection = "The Domain attribute is a parent of the host that sets the cookie.",
      .remediation = "Leave Domain out, so that only this host receives the cookie.",
      .references = kReferences},
     domain_wide},
    {{.id = "cookie.session_in_url",
      .group = "cookies",
      .title = "A session id is carried in URLs",
      .severity = Severity::medium,
      .cwe = 598,
      .asvs = "14.2.1",
      .profile = Profile::passive,
      .description = "URLs end up in logs, histories and Referer headers, and with them the session.",
      .detection = ";jsessionid=, PHPSESSID= or sid= in a Location header or a link of the page to its own origin.",
      .remediation = "Carry sessions in cookies only and switch URL rewriting off (Java: tracking-mode COOKIE; PHP: "
                     "session.use_only_cookies=1, session.use_trans_sid=0).",
      .references = kReferences},
     session_in_url},
};

}  // namespace

std::span<const Check> cookie_checks() { return kChecks; }

}  // namespace weir::tools::scans

// hdr.*: the response headers of the entry page, besides CSP and HSTS.
#include <algorithm>
#include <array>

#include "tools/scans/checks/ascii.h"
#include "tools/scans/checks/cookie.h"
#include "tools/scans/checks/csp.h"
#include "tools/scans/checks/evidence.h"
#include "tools/scans/checks/groups.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kFrameReferences[] = {"https://www.w3.org/TR/CSP3/#directive-frame-ancestors",
                                                 "https://www.rfc-editor.org/rfc/rfc7034"};
constexpr std::string_view kNosniffReferences[] = {"https://fetch.spec.whatwg.org/#x-content-type-options-header"};
constexpr std::string_view kReferrerReferences[] = {"https://www.w3.org/TR/referrer-policy/"};
constexpr std::string_view kPermissionsReferences[] = {"https://www.w3.org/TR/permissions-policy/"};
constexpr std::string_view kIsolationReferences[] = {
    "https://html.spec.whatwg.org/multipage/browsers.html#cross-origin-opener-policies",
    "https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header"};
constexpr std::string_view kTypeReferences[] = {"https://www.rfc-editor.org/rfc/rfc9110#section-8.3"};
constexpr std::string_view kCacheReferences[] = {"https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2"};
constexpr std::string_view kDeprecatedReferences[] = {"https://owasp.org/www-project-secure-headers/"};

template <std::size_t kSize>
bool is_one_of(std::string_view value, const std::array<std::string_view, kSize>& values) {
  return std::ranges::find(values, value) != values.end();
}

CheckResult frame_missing(const Rule& rule, const Observations& seen) {
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  const CspSet set = csp_of(*doc);
  const bool has_frame_ancestors = std::ranges::any_of(set.enforced, [](const CspPolicy& policy) {
    return !policy.is_from_meta && policy.find("frame-ancestors") != nullptr;
  });
  if (has_frame_ancestors) return {};
  const auto lines = doc->response.header_values("x-frame-options");
  const auto is_exact = [](std::string_view value) {
    return ascii::equal(value, "deny") || ascii::equal(value, "sameorigin");
  };
  if (lines.size() == 1 && is_exact(ascii::trimmed(lines.front()))) return {};
  std::string_view detail = "missing";
  if (lines.size() > 1) {
    detail = "duplicate";
  } else if (lines.size() == 1) {
    detail = ascii::starts_with(ascii::trimmed(lines.front()), "allow-from") ? "allow_from" : "invalid";
  } else if (doc->html.has_frame_options_meta) {
    detail = "meta";
  }
  Detection detection = detection_of(rule, doc->url, std::string(detail));
  for (const auto line : lines) detection.evidence.push_back(header_evidence("X-Frame-Options", line));
  if (lines.empty()) {
    detection.evidence.push_back(own_evidence("header", "X-Frame-Options", "(absent, and no frame-ancestors)"));
  }
  return found(std::move(detection));
}

CheckResult nosniff_missing(const Rule& rule, const Observations& seen) {
  const Page* page = seen.page();
  if (page == nullptr) return without_page(seen, Wanted::page);
  const auto value = page->response.header("x-content-type-options");
  // Fetch §3.6: the first value of the list decides.
  if (value && ascii::equal(ascii::split(*value, ',').front(), "nosniff")) return {};
  Detection detection = detection_of(rule, page->url, value ? "invalid" : "missing");
  detection.evidence.push_back(value ? header_evidence("X-Content-Type-Options", *value)
                                     : own_evidence("header", "X-Content-Type-Options", "(absent)"));
  return found(std::move(detection));
}

CheckResult referrer_unsafe(const Rule& rule, const Observations& seen) {
  constexpr std::array<std::string_view, 8> kTokens{"no-referrer",
                                                    "no-referrer-when-downgrade",
                                                    "same-origin",
                                                    "origin",
                                                    "strict-origin",
                                                    "origin-when-cross-origin",
                                                    "strict-origin-when-cross-origin",
                                                    "unsafe-url"};
  constexpr std::array<std::string_view, 4> kUnsafe{"unsafe-url", "origin", "origin-when-cross-origin",
                                                    "no-referrer-when-downgrade"};
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  const auto lines = doc->response.header_values("referrer-policy");
  Detection detection = detection_of(rule, doc->url);
  if (lines.empty()) {
    detection.severity = Severity::info;
    detection.detail = "missing";
    detection.evidence.push_back(own_evidence("header", "Referrer-Policy", "(absent)"));
    return found(std::move(detection));
  }
  std::string policy;
  for (const auto line : lines) {
    for (const auto part : ascii::split(line, ',')) {
      std::string token = ascii::lowered(part);
      if (is_one_of(token, kTokens)) policy = std::move(token);  // the last one that is known counts
    }
  }
  if (!policy.empty() && !is_one_of(policy, kUnsafe)) return {};
  detection.detail = policy.empty() ? "invalid" : "unsafe";
  for (const auto line : lines) detection.evidence.push_back(header_evidence("Referrer-Policy", line));
  return found(std::move(detection));
}

CheckResult permissions_missing(const Rule& rule, const Observations& seen) {
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  if (doc->response.header("permissions-policy")) return {};
  Detection detection = detection_of(rule, doc->url);
  detection.evidence.push_back(own_evidence("header", "Permissions-Policy", "(absent)"));
  return found(std::move(detection));
}

// RFC 8941 §3.3.4: a token that is not quoted; parameters may follow. Case counts.
std::string_view structured_token(std::string_view value) {
  const std::string_view token = ascii::trimmed(value.substr(0, value.find(';')));
  const bool starts_well = !token.empty() && (ascii::is_alpha(token.front()) || token.front() == '*');
  return starts_well ? token : std::string_view{};
}

CheckResult isolation_invalid(const Rule& rule, const Observations& seen) {
  constexpr std::array<std::string_view, 4> kOpener{"unsafe-none", "same-origin-allow-popups", "same-origin",
                                                    "noopener-allow-popups"};
  constexpr std::array<std::string_view, 3> kEmbedder{"unsafe-none", "require-corp", "credentialless"};
  constexpr std::array<std::string_view, 3> kResource{"same-origin", "same-site", "cross-origin"};
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  CheckResult result;
  std::string absent;
  const auto look = [&](std::string_view name, auto is_valid) {
    const auto lines = doc->response.header_values(name);
    if (lines.empty()) {
      absent += (absent.empty() ? "" : ", ") + std::string(name);
      return;
    }
    if (lines.size() == 1 && is_valid(ascii::trimmed(lines.front()))) return;
    Detection detection = detection_of(rule, doc->url, lines.size() > 1 ? "duplicate" : "invalid");
    detection.discriminator = ascii::lowered(name);
    for (const auto line : lines) detection.evidence.push_back(header_evidence(name, line));
    result.detections.push_back(std::move(detection));
  };
  look("Cross-Origin-Opener-Policy",
       [&](std::string_view value) { return is_one_of(structured_token(value), kOpener); });
  look("Cross-Origin-Embedder-Policy",
       [&](std::string_view value) { return is_one_of(structured_token(value), kEmbedder); });
  // Fetch §3.8: a plain value, no parameters.
  look("Cross-Origin-Resource-Policy", [&](std::string_view value) { return is_one_of(value, kResource); });
  if (!absent.empty()) {
    Detection detection = detection_of(rule, doc->url, "missing");
    detection.severity = Severity::info;
    detection.evidence.push_back(own_evidence("header", "absent", absent));
    result.detections.push_back(std::move(detection));
  }
  return result;
}

CheckResult type_bad(const Rule& rule, const Observations& seen) {
  const Page* page = seen.page();
  if (page == nullptr) return without_page(seen, Wanted::page);
  const auto type = page->response.header("content-type");
  Detection detection = detection_of(rule, page->url);
  if (!type || ascii::trimmed(*type).empty()) {
    if (page->response.body.empty()) return {};
    detection.detail = "missing";
    detection.evidence.push_back(own_evidence("header", "Content-Type", "(absent)"));
    return found(std::move(detection));
  }
  const auto parts = ascii::split(*type, ';');
  const bool has_charset = std::any_of(parts.begin() + 1, parts.end(), [](std::string_view part) {
    return ascii::starts_with(part, "charset=") && part.size() > std::string_view("charset=").size();
  });
  if (!ascii::starts_with(parts.front(), "text/") || has_charset) return {};
  detection.severity = Severity::info;
  detection.detail = "no_charset";
  detection.evidence.push_back(header_evidence("Content-Type", *type));
  return found(std::move(detection));
}

CheckResult cache_sensitive(const Rule& rule, const Observations& seen) {
  const Page* page = seen.page();
  if (page == nullptr) return without_page(seen, Wanted::page);
  std::string_view detail = page->html.has_password_field ? "password_field" : "";
  std::optional<Evidence> proof;
  for (const auto line : page->response.header_values("set-cookie")) {
    const Cookie cookie = parse_cookie(line);
    if (!cookie.is_session_like() || cookie.is_deletion) continue;
    detail = "session_cookie";
    proof = cookie_evidence(line);
    break;
  }
  if (detail.empty()) return {};
  const auto lines = page->response.header_values("cache-control");
  for (const auto line : lines) {
    for (const auto directive : ascii::split(line, ',')) {
      const std::string_view name = ascii::trimmed(directive.substr(0, directive.find('=')));
      if (ascii::equal(name, "no-store") || ascii::equal(name, "private")) return {};
    }
  }
  Detection detection = detection_of(rule, page->url, std::string(detail));
  if (proof) detection.evidence.push_back(std::move(*proof));
  for (const auto line : lines) detection.evidence.push_back(header_evidence("Cache-Control", line));
  if (lines.empty()) detection.evidence.push_back(own_evidence("header", "Cache-Control", "(absent)"));
  return found(std::move(detection));
}

CheckResult deprecated(const Rule& rule, const Observations& seen) {
  constexpr std::array<std::string_view, 5> kNames{"X-XSS-Protection", "Public-Key-Pins", "Public-Key-Pins-Report-Only",
                                                   "Expect-CT", "Feature-Policy"};
  const Page* page = seen.page();
  if (page == nullptr) return without_page(seen, Wanted::page);
  CheckResult result;
  for (const std::string_view name : kNames) {
    const auto value = page->response.header(name);
    if (!value) continue;
    // "0" switches the filter off, which is the advice.
    if (name == kNames.front() && !ascii::trimmed(*value).starts_with('1')) continue;
    Detection detection = detection_of(rule, page->url);
    detection.discriminator = ascii::lowered(name);
    detection.evidence.push_back(header_evidence(name, *value));
    result.detections.push_back(std::move(detection));
  }
  return result;
}

constexpr Check kChecks[] = {
    {{.id = "hdr.frame.missing",
      .group = "headers",
      .title = "The page may be framed by any site",
      .severity = Severity::medium,
      .cwe = 1021,
      .asvs = "3.4.6",
      .profile = Profile::passive,
      .description = "Another site can lay this page, invisible, over its own, so that the user's clicks land here "
                     "(clickjacking).",
      .detection = "No frame-ancestors in a policy header, and X-Frame-Options is not exactly DENY or SAMEORIGIN. "
                   "ALLOW-FROM, repeated headers and <meta> do not count: browsers ignore them.",
      .remediation = "Send Content-Security-Policy: frame-ancestors 'none' (or 'self', or the sites that may embed "
                     "the page), and X-Frame-Options: DENY once for old browsers.",
      .references = kFrameReferences},
     frame_missing},
    {{.id = "hdr.nosniff.missing",
      .group = "headers",
      .title = "Content types may be guessed",
      .severity = Severity::low,
      .cwe = 693,
      .asvs = "3.4.4",
      .profile = Profile::passive,
      .description = "A browser that guesses types may run an uploaded file as a script.",
      .detection = "X-Content-Type-Options of the entry page is absent or its first value is not nosniff.",
      .remediation = "Send X-Content-Type-Options: nosniff with every answer, errors included.",
      .references = kNosniffReferences},
     nosniff_missing},
    {{.id = "hdr.referrer.unsafe",
      .group = "headers",
      .title = "The Referrer-Policy gives addresses away",
      .severity = Severity::low,
      .cwe = 200,
      .asvs = "3.4.5",
      .profile = Profile::passive,
      .description = "Paths and queries of this site, which may hold tokens or names, are sent to the sites that it "
                     "links to.",
      .detection =
          "The last valid token of Referrer-Policy is unsafe-url, origin, origin-when-cross-origin or "
          "no-referrer-when-downgrade, or no token is valid. Absent: info, since browsers then use a safe one.",
      .remediation = "Send Referrer-Policy: strict-origin-when-cross-origin (or no-referrer).",
      .references = kReferrerReferences},
     referrer_unsafe},
    {{.id = "hdr.permissions.missing",
      .group = "headers",
      .title = "No Permissions-Policy",
      .severity = Severity::info,
      .cwe = 693,
      .asvs = "",
      .profile = Profile::passive,
      .description = "Scripts and frames of the page may ask for camera, location and other features that the site "
                     "does not use.",
      .detection = "The entry page has no Permissions-Policy header.",
      .remediation = "Switch off what is not used: Permissions-Policy: camera=(), microphone=(), geolocation=().",
      .references = kPermissionsReferences},
     permissions_missing},
    {{.id = "hdr.isolation.invalid",
      .group = "headers",
      .title = "A cross-origin isolation header has no effect",
      .severity = Severity::low,
      .cwe = 693,
      .asvs = "3.4.8",
      .profile = Profile::passive,
      .description = "Browsers ignore a Cross-Origin-Opener-, -Embedder- or -Resource-Policy that they cannot parse, "
                     "so the isolation that it asks for is not there.",
      .detection = "The header is repeated, quoted, misspelt or not a token of its list. Absent: info.",
      .remediation = "Send the bare token, for example Cross-Origin-Opener-Policy: same-origin and "
                     "Cross-Origin-Resource-Policy: same-origin.",
      .references = kIsolationReferences},
     isolation_invalid},
    {{.id = "hdr.ctype.bad",
      .group = "headers",
      .title = "The content type is not declared in full",
      .severity = Severity::low,
      .cwe = 436,
      .asvs = "4.1.1",
      .profile = Profile::passive,
      .description = "Without a type or a charset the browser guesses, and a guess can turn harmless text into "
                     "markup.",
      .detection = "An answer with a body has no Content-Type. A text/* type without charset: info.",
      .remediation = "Declare both: Content-Type: text/html; charset=utf-8.",
      .references = kTypeReferences},
     type_bad},
    {{.id = "hdr.cache.sensitive",
      .group = "headers",
      .title = "A sensitive page may be stored by shared caches",
      .severity = Severity::low,
      .cwe = 525,
      .asvs = "14.3.2",
      .profile = Profile::passive,
      .description = "A cache between the site and its users may keep an answer with a session cookie or a login "
                     "form and hand it to somebody else.",
      .detection = "The entry page sets a session-like cookie or has a password field, and Cache-Control has neither "
                   "no-store nor private.",
      .remediation = "Send Cache-Control: no-store with pages that depend on who is asking.",
      .references = kCacheReferences},
     cache_sensitive},
    {{.id = "hdr.deprecated",
      .group = "headers",
      .title = "A header that browsers have given up",
      .severity = Severity::info,
      .cwe = 1188,
      .asvs = "",
      .profile = Profile::passive,
      .description = "The header does nothing in current browsers, and some (X-XSS-Protection: 1) open holes in old "
                     "ones.",
      .detection = "X-XSS-Protection: 1, Public-Key-Pins, Expect-CT or Feature-Policy is sent.",
      .remediation = "Remove the header. Permissions-Policy replaces Feature-Policy; a Content-Security-Policy "
                     "replaces the XSS filter.",
      .references = kDeprecatedReferences},
     deprecated},
};

}  // namespace

std::span<const Check> header_checks() { return kChecks; }

}  // namespace weir::tools::scans

// hdr.hsts.*: HTTP Strict Transport Security (RFC 6797) of the first https answer.
#include <algorithm>
#include <charconv>
#include <limits>

#include "tools/scans/checks/ascii.h"
#include "tools/scans/checks/evidence.h"
#include "tools/scans/checks/groups.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kReferences[] = {"https://www.rfc-editor.org/rfc/rfc6797", "https://hstspreload.org/"};

constexpr std::int64_t kMaxAgeFloor = 15'552'000;  // 180 days: what the Mozilla HTTP Observatory asks for
constexpr std::int64_t kOneYear = 31'536'000;      // ASVS 5.0 3.4.1 and the preload list

struct Hsts {
  bool is_valid = false;
  std::int64_t max_age = 0;
  bool has_subdomains = false;
  bool has_preload = false;
  std::string_view problem;
};

// RFC 6797 §6.1: max-age once, no directive twice. A comma means that two headers were joined on the way, which
// makes the whole field invalid.
Hsts parse_hsts(std::string_view text) {
  Hsts hsts;
  if (text.find(',') != std::string_view::npos) {
    hsts.problem = "joined_header";
    return hsts;
  }
  std::vector<std::string> seen;
  bool has_max_age = false;
  for (const std::string_view part : ascii::split(text, ';')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string name = ascii::lowered(ascii::trimmed(part.substr(0, equals)));
    if (std::ranges::find(seen, name) != seen.end()) {
      hsts.problem = name == "max-age" ? "duplicate_max_age" : "duplicate_directive";
      return hsts;
    }
    seen.push_back(name);
    if (name == "includesubdomains") hsts.has_subdomains = true;
    if (name == "preload") hsts.has_preload = true;
    if (name != "max-age") continue;
    std::string_view value = equals == std::string_view::npos ? "" : ascii::trimmed(part.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    const auto [last, error] = std::from_chars(value.data(), value.data() + value.size(), hsts.max_age);
    const bool is_digits = !value.empty() && ascii::is_digit(value.front()) && last == value.data() + value.size();
    if (error == std::errc::result_out_of_range && is_digits) {
      hsts.max_age = std::numeric_limits<std::int64_t>::max();
    } else if (!is_digits) {
      hsts.problem = "invalid_max_age";
      return hsts;
    }
    has_max_age = true;
  }
  if (!has_max_age) hsts.problem = "no_max_age";
  hsts.is_valid = has_max_age;
  return hsts;
}

// The first https answer is the one that binds the host that the user typed; RFC 6797 §8.1 lets later headers of
// one answer count for nothing.
struct Subject {
  const Hop* hop = nullptr;
  std::optional<std::string_view> header;
};

// Nothing, and `why` filled, if HSTS has no meaning for this target.
std::optional<Subject> subject_of(const Observations& seen, CheckResult& why) {
  if (seen.is_ip_literal) {
    why = not_applicable("browsers ignore HSTS for IP addresses");
  } else if (seen.address_class == egress::AddressClass::loopback) {
    why = not_applicable("HSTS has no use on a loopback address");
  } else if (seen.https.first_answer() == nullptr) {
    why = without_answer(seen.https, "https entry");
  } else {
    const Hop* hop = seen.https.first_answer();
    return Subject{hop, hop->answer->header("strict-transport-security")};
  }
  return std::nullopt;
}

CheckResult missing(const Rule& rule, const Observations& seen) {
  CheckResult why;
  const auto subject = subject_of(seen, why);
  if (!subject) return why;
  if (subject->header) return {};
  if (seen.tls.is_out_of_budget) return skipped("the scan's connection budget was spent before the certificate");
  if (!seen.tls.handshake) return not_applicable("the certificate was not looked at");
  if (!*seen.tls.handshake) return failed(seen.tls.handshake->error().message);
  const egress::Handshake& handshake = **seen.tls.handshake;
  if (handshake.verify_code != 0 || !handshake.name_matches) {
    return not_applicable("browsers ignore HSTS behind a certificate that they do not trust");
  }
  Detection detection = detection_of(rule, subject->hop->url);
  detection.evidence.push_back(own_evidence("header", "Strict-Transport-Security", "(absent)"));
  return found(std::move(detection));
}

CheckResult weak(const Rule& rule, const Observations& seen) {
  CheckResult why;
  const auto subject = subject_of(seen, why);
  if (!subject) return why;
  if (!subject->header) return not_applicable("no Strict-Transport-Security header");
  const Hsts hsts = parse_hsts(*subject->header);
  Detection detection = detection_of(rule, subject->hop->url);
  detection.evidence.push_back(header_evidence("Strict-Transport-Security", *subject->header));
  if (!hsts.is_valid) {
    detection.severity = Severity::medium;
    detection.detail = "invalid";
    detection.evidence.push_back(own_evidence("reason", "why it is invalid", std::string(hsts.problem)));
  } else if (hsts.max_age == 0) {
    detection.severity = Severity::medium;
    detection.detail = "max_age_zero";
  } else if (hsts.max_age < kMaxAgeFloor) {
    detection.detail = "short_max_age";
  } else if (hsts.max_age < kOneYear) {
    detection.severity = Severity::info;
    detection.detail = "under_a_year";
  } else {
    return {};
  }
  return found(std::move(detection));
}

CheckResult preload_unready(const Rule& rule, const Observations& seen) {
  CheckResult why;
  const auto subject = subject_of(seen, why);
  if (!subject) return why;
  if (!subject->header) return not_applicable("no Strict-Transport-Security header");
  const Hsts hsts = parse_hsts(*subject->header);
  if (!hsts.is_valid || !hsts.has_preload || (hsts.max_age >= kOneYear && hsts.has_subdomains)) return {};
  Detection detection = detection_of(rule, subject->hop->url, hsts.has_subdomains ? "max_age" : "subdomains");
  detection.evidence.push_back(header_evidence("Strict-Transport-Security", *subject->header));
  return found(std::move(detection));
}

constexpr Check kChecks[] = {
    {{.id = "hdr.hsts.missing",
      .group = "headers",
      .title = "No HTTP Strict Transport Security",
      .severity = Severity::medium,
      .cwe = 319,
      .asvs = "3.4.1",
      .profile = Profile::passive,
      .description = "Without HSTS the first request of a visit may go out over plain http, where anyone on the way "
                     "can keep the user on http and read everything.",
      .detection = "The first https answer, behind a trusted certificate, has no Strict-Transport-Security header. "
                   "Not asked of IP addresses and loopback hosts.",
      .remediation = "Send Strict-Transport-Security: max-age=31536000; includeSubDomains on every https answer. "
                     "Start with a short max-age if subdomains still need http.",
      .references = kReferences},
     missing},
    {{.id = "hdr.hsts.weak",
      .group = "headers",
      .title = "HTTP Strict Transport Security is weak or invalid",
      .severity = Severity::low,
      .cwe = 319,
      .asvs = "3.4.1",
      .profile = Profile::passive,
      .description = "A header that browsers cannot parse protects nobody, and a short max-age lets the protection "
                     "lapse between visits.",
      .detection = "Invalid (no, bad or repeated max-age, or two headers joined by a comma) or max-age=0: medium. "
                   "max-age under 15552000 (180 days): low. Under a year: info.",
      .remediation = "Send exactly one header: max-age=31536000; includeSubDomains.",
      .references = kReferences},
     weak},
    {{.id = "hdr.hsts.preload_unready",
      .group = "headers",
      .title = "HSTS asks for preloading without meeting its conditions",
      .severity = Severity::info,
      .cwe = 319,
      .asvs = "3.4.1",
      .profile = Profile::passive,
      .description = "The preload list refuses such a header, so the word promises protection that is not there.",
      .detection = "`preload` is present, but max-age is under a year or includeSubDomains is missing.",
      .remediation = "Raise max-age to 31536000 and add includeSubDomains before submitting the domain, or drop "
                     "`preload`.",
      .references = kReferences},
     preload_unready},
};

}  // namespace

std::span<const Check> hsts_checks() { return kChecks; }

}  // namespace weir::tools::scans

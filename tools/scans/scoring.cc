#include "tools/scans/scoring.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/hmac.h"

namespace weir::tools::scans {
namespace {

constexpr std::array<int, 5> kPenalties{0, 2, 8, 20, 40};  // info, low, medium, high, critical
constexpr int kPenaltyPerGroupMax = 40;

// From best to worst; "T" stands outside of it.
constexpr std::array<std::string_view, 6> kGrades{"A+", "A", "B", "C", "D", "F"};

std::size_t grade_index(int score, bool has_low_or_worse) {
  if (score >= 97 && !has_low_or_worse) return 0;
  if (score >= 90) return 1;
  if (score >= 80) return 2;
  if (score >= 70) return 3;
  return score >= 60 ? 4 : 5;
}

// The best grade that a finding about TLS leaves possible, as an index of kGrades.
struct Cap {
  std::string_view rule_id;
  std::size_t grade;
  std::string_view reason;
};
constexpr std::array<Cap, 6> kCaps{{{"tls.cipher.broken", 5, "broken cipher suites are accepted"},
                                    {"tls.no_modern", 3, "neither TLS 1.2 nor TLS 1.3 is accepted"},
                                    {"tls.sslv3", 2, "SSL 3.0 is accepted"},
                                    {"tls.tls10", 2, "TLS 1.0 is accepted"},
                                    {"tls.tls11", 2, "TLS 1.1 is accepted"},
                                    {"tls.no_fs", 2, "there is no forward secrecy"}}};

// Every rule that can cost points must have looked, or had nothing to look at.
bool is_covered(const std::vector<CoverageRow>& coverage) {
  std::map<std::string_view, CheckState> states;
  for (const CoverageRow& row : coverage) states[row.check_id] = row.state;
  for (const Check& check : catalogue()) {
    if (check.rule.severity == Severity::info) continue;
    const auto row = states.find(check.rule.id);
    // The matrix of a quick scan is not part of a passive one's grade.
    if (row == states.end() && check.rule.profile == Profile::passive) return false;
    if (row != states.end() && (row->second == CheckState::skipped || row->second == CheckState::error)) return false;
  }
  return true;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 §6.2.2.2: escapes of unreserved characters are undone, others written in upper case.
std::string normal_escapes(std::string_view path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool is_escape =
        path[i] == '%' && i + 2 < path.size() && hex_value(path[i + 1]) >= 0 && hex_value(path[i + 2]) >= 0;
    if (!is_escape) {
      result += path[i];
      continue;
    }
    const int high = hex_value(path[i + 1]);
    const int low = hex_value(path[i + 2]);
    const char value = static_cast<char>(static_cast<unsigned char>(high * 16 + low));
    if (is_unreserved(value)) {
      result += value;
    } else {
      result += {'%', kHex[static_cast<std::size_t>(high)], kHex[static_cast<std::size_t>(low)]};
    }
    i += 2;
  }
  return result;
}

// RFC 3986 §5.2.4, without query and fragment; never empty.
std::string normal_path(std::string_view path) {
  const std::string text = normal_escapes(path.substr(0, path.find_first_of("?#")));
  std::vector<std::string_view> segments;
  std::string_view rest = text;
  bool ends_in_folder = true;
  while (!rest.empty()) {
    rest.remove_prefix(rest.front() == '/' ? 1 : 0);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    rest.remove_prefix(end);
    ends_in_folder = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
  }
  std::string result;
  for (const std::string_view segment : segments) result.append("/").append(segment);
  if (ends_in_folder || result.empty()) result += '/';
  return result;
}

}  // namespace

Posture posture_of(const std::vector<ScoredFinding>& open_findings, const std::vector<CoverageRow>& coverage) {
  Posture posture;
  if (!is_covered(coverage)) {
    posture.grade_reason = "coverage";
    return posture;
  }
  std::map<std::string_view, int> penalties;
  bool has_low_or_worse = false;
  for (const ScoredFinding& finding : open_findings) {
    penalties[finding.group] += kPenalties.at(static_cast<std::size_t>(finding.severity));
    has_low_or_worse = has_low_or_worse || finding.severity != Severity::info;
  }
  int score = 100;
  for (const auto& [group, penalty] : penalties) score -= std::min(penalty, kPenaltyPerGroupMax);
  posture.score = std::max(score, 0);

  std::size_t grade = grade_index(*posture.score, has_low_or_worse);
  for (const Cap& cap : kCaps) {
    const bool applies = std::ranges::any_of(open_findings, [&](const ScoredFinding& finding) {
      return finding.rule_id == cap.rule_id && finding.severity != Severity::info;
    });
    if (!applies || grade >= cap.grade) continue;
    grade = cap.grade;
    posture.grade_reason = cap.reason;
  }
  posture.grade = std::string(kGrades.at(grade));

  // Whatever the rest: nobody can know whom they are talking to. (Info: a local target, which is not judged.)
  for (const ScoredFinding& finding : open_findings) {
    const bool is_trust = finding.rule_id == "cert.untrusted" || finding.rule_id == "cert.expired";
    if (!is_trust || finding.severity == Severity::info) continue;
    posture.grade = "T";
    posture.grade_reason =
        finding.rule_id == "cert.expired" ? "the certificate is not valid now" : "the certificate is not trusted";
  }
  return posture;
}

std::string fingerprint_of(const Detection& detection) {
  std::string origin = detection.url;
  std::string path;
  if (const auto url = egress::Url::parse(detection.url)) {
    const bool is_v6 = url->host.find(':') != std::string::npos;
    origin = url->scheme + "://" + (is_v6 ? "[" + url->host + "]" : url->host) + ":" + std::to_string(url->port);
    path = normal_path(url->path);
  }
  return to_hex(sha256("v1|" + detection.rule_id + "|" + origin + "|" + path + "|" + detection.discriminator));
}

}  // namespace weir::tools::scans

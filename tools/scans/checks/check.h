// The catalogue's vocabulary: a rule says what is wrong and how to mend it, a check decides whether it is so from
// what the probe saw. Pure: no network, no clock but the one in the observations.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/scans/checks/observations.h"

namespace weir::tools::scans {

enum class Severity : std::uint8_t { info, low, medium, high, critical };
std::string_view to_string(Severity severity);
std::optional<Severity> severity_from(std::string_view name);

// passive is part of quick, quick of full. `custom` runs what the caller names.
enum class Profile : std::uint8_t { passive, quick, full, custom };
std::string_view to_string(Profile profile);
std::optional<Profile> profile_from(std::string_view name);

enum class CheckState : std::uint8_t { ran, skipped, error, not_applicable };
std::string_view to_string(CheckState state);

// One row of the catalogue (scans.md section 2). Compiled in. Immutable.
struct Rule {
  std::string_view id;     // "hdr.csp.missing"
  std::string_view group;  // "headers", "cookies", "redirects", "tls", "certificates"
  std::string_view title;
  Severity severity = Severity::info;
  int cwe = 0;
  std::string_view asvs;               // "3.4.3", "" if none
  Profile profile = Profile::passive;  // the smallest profile that runs it
  std::string_view description;        // why it matters, one or two sentences
  std::string_view detection;          // what is looked at, one sentence
  std::string_view remediation;
  std::span<const std::string_view> references;
};

// Observed text is written by the target: it is `untrusted`, bounded, stripped of control characters.
struct Evidence {
  std::string kind;  // "header", "cookie", "url", "certificate", "handshake", "status"
  std::string label;
  std::string value;  // at most kEvidenceBytesMax
  bool is_untrusted = true;
  bool is_truncated = false;
  bool is_redacted = false;
};
inline constexpr std::size_t kEvidenceBytesMax = 512;

struct Detection {
  std::string rule_id;
  Severity severity = Severity::info;  // may differ from the rule's for a sub-case
  std::string detail;                  // the sub-case: "invalid_max_age"; "" if there is one case only
  std::string url;                     // where, without query values
  std::string discriminator;           // cookie name, header, version: what tells two of one rule apart at one place
  std::string precision = "high";
  std::vector<Evidence> evidence;
};

struct CheckResult {
  CheckState state = CheckState::ran;
  std::string reason;  // for every state but `ran`
  std::vector<Detection> detections;
};

// Immutable.
struct Check {
  Rule rule;
  CheckResult (*run)(const Rule& rule, const Observations& seen) = nullptr;
};

// All checks, in the order of the catalogue, ids unique.
std::span<const Check> catalogue();
const Check* find_check(std::string_view id);
// A version of the rule set that changes whenever a rule does: "2026.11-<8 hex digits of a digest>".
std::string ruleset_version();

}  // namespace weir::tools::scans

// Score and grade of a scan: the algorithm "posture-1" (scans.md section 3). Pure.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tools/scans/scan_engine.h"

namespace weir::tools::scans {

inline constexpr std::string_view kGradeAlgorithm = "posture-1";

// What counts of one open finding.
struct ScoredFinding {
  std::string rule_id;
  std::string group;
  Severity severity = Severity::info;
  std::string detail;
};

// Not thread-safe: a value.
struct Posture {
  std::optional<int> score;          // 0 to 100; nothing if coverage does not allow one
  std::optional<std::string> grade;  // "A+" to "F", or "T" for an untrusted or expired certificate
  std::string grade_reason;          // "", "coverage", or which cap held the grade down
};

Posture posture_of(const std::vector<ScoredFinding>& open_findings, const std::vector<CoverageRow>& coverage);

// scans.md section 4: SHA-256 hex of v1|rule|origin|path|discriminator.
std::string fingerprint_of(const Detection& detection);

}  // namespace weir::tools::scans

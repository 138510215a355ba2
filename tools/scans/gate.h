// The gate: does a scan pass a rule (scans.md section 7)? The one place that decides it, for check_gate, `weir scan
// --fail-on` and playbooks. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "store/findings_store.h"
#include "store/scans_store.h"
#include "tools/scans/checks/check.h"

namespace weir::tools::scans {

// Not thread-safe: a value.
struct GateRule {
  enum class Counts : std::uint8_t { all, new_only };
  enum class Coverage : std::uint8_t { required, ignored };

  std::optional<Severity> fail_on = Severity::high;  // findings at least this severe fail it; nothing: none do
  Counts counts = Counts::all;                       // new_only: only those that are new or reopened
  std::optional<std::string> min_grade{};            // a worse grade fails it
  Coverage coverage = Coverage::required;            // of a scan whose checks did not all run nothing can be said
};

// Best first. T stands for a certificate that nobody can trust.
inline constexpr std::string_view kGrades[] = {"A+", "A", "B", "C", "D", "F", "T"};

struct GateReason {
  std::string code;  // findings, grade, no_grade, coverage, not_completed
  std::string message;
};

// Not thread-safe: a value.
struct GateVerdict {
  // inconclusive: it neither passed nor failed, because the scan does not know enough. It does not pass, either.
  enum class Conclusion : std::uint8_t { passed, failed, inconclusive } conclusion = Conclusion::passed;
  std::vector<GateReason> reasons;                // none if it passed
  std::vector<const store::FindingRow*> failing;  // of `findings`, in their order
};
std::string_view to_string(GateVerdict::Conclusion conclusion);

// `findings`: all that the scan has; they must outlive the verdict. What a person has set aside (accepted_risk,
// false_positive) does not count. `scan` has ended.
GateVerdict judge(const GateRule& rule, const store::ScanRow& scan,
                  const std::vector<store::FindingWithOccurrence>& findings);

// From the validated arguments fail_on, new_only, min_grade and require_coverage.
GateRule gate_rule_of(const Json& arguments);

// At most this many failing findings are shown.
inline constexpr std::size_t kFailingShownMax = 20;
Json gate_json(const store::ScanRow& scan, const GateRule& rule, const GateVerdict& verdict);
Json gate_schema();
// "The gate failed: 2 findings are high or worse (...)."
std::string gate_summary(const GateVerdict& verdict);

}  // namespace weir::tools::scans

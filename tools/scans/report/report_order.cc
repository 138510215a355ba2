#include "tools/scans/report/report_order.h"

#include <algorithm>
#include <tuple>

namespace weir::tools::scans {

Severity severity_of(const store::FindingRow& finding) {
  return severity_from(finding.severity_override.value_or(finding.severity)).value_or(Severity::info);
}

bool is_open(const store::FindingWithOccurrence& finding) {
  const std::string& state = finding.occurrence.diff_state;
  const bool is_seen = state == "new" || state == "recurring" || state == "reopened";
  const std::string& status = finding.finding.status;
  return is_seen && status != "accepted_risk" && status != "false_positive";
}

std::vector<const store::FindingWithOccurrence*> in_order(const ReportInput& input) {
  std::vector<const store::FindingWithOccurrence*> findings;
  for (const auto& finding : input.findings) findings.push_back(&finding);
  const auto key = [](const store::FindingWithOccurrence* row) {
    const store::FindingRow& finding = row->finding;
    return std::make_tuple(-static_cast<int>(severity_of(finding)), std::string_view(finding.rule_id),
                           std::string_view(finding.url), std::string_view(finding.location),
                           std::string_view(finding.id));
  };
  std::ranges::sort(findings, {}, key);
  return findings;
}

std::vector<const store::ScanCheckRow*> checks_in_order(const ReportInput& input) {
  std::vector<const store::ScanCheckRow*> checks;
  for (const auto& check : input.checks) checks.push_back(&check);
  std::ranges::sort(checks, {}, [](const store::ScanCheckRow* row) { return std::string_view(row->check_id); });
  return checks;
}

}  // namespace weir::tools::scans

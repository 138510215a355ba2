// Reports of a finished or running scan, from rows that the caller has read. Pure. Everything that the target
// wrote is escaped for the format.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "store/findings_store.h"
#include "store/scans_store.h"
#include "store/targets_store.h"

namespace weir::tools::scans {

// Not thread-safe: a value.
struct ReportInput {
  store::TargetRow target;
  store::ScanRow scan;
  std::vector<store::FindingWithOccurrence> findings;
  std::vector<store::ScanCheckRow> checks;
  UnixMillis generated_at{};
};

// Summary table, grade, new and fixed lists, each finding with evidence in fenced code and its remediation.
std::string markdown_report(const ReportInput& input);
// The native form; documented in docs/reference/report.md.
Json json_report(const ReportInput& input);
// SARIF 2.1.0, one run: only the rules that were broken, every finding with its state against the scan before.
Json sarif_report(const ReportInput& input);

}  // namespace weir::tools::scans

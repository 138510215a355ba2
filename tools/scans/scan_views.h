// Scans and findings as callers see them, and the schemas of that. Pure.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "store/finding_history.h"
#include "store/findings_store.h"
#include "store/scans_store.h"
#include "tools/scans/scan_engine.h"

namespace weir::tools::scans {

// How soon a caller without events should ask again; null in the answer once the scan has ended.
inline constexpr int kNextPollSeconds = 2;

Json scan_json(const store::ScanRow& scan);
Json scan_schema();
// "Scan scn_... is running: checks, 40 %."
std::string scan_summary(const store::ScanRow& scan);

Json progress_json(const ScanProgress& progress);

Json scan_check_json(const store::ScanCheckRow& row);
Json scan_check_schema();

// The compact form of lists.
Json finding_json(const store::FindingWithOccurrence& row);
Json finding_schema();

// What get_finding adds.
struct FindingDetails {
  store::FindingRow finding;
  std::vector<store::OccurrenceRow> occurrences;  // newest scan first
  std::vector<store::FindingEventRow> history;
};
Json finding_details_json(const FindingDetails& details);
Json finding_details_schema();

}  // namespace weir::tools::scans

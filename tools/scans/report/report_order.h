// What both reports share: which findings count, and in which order they stand, so that one input has one report.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tools/scans/checks/check.h"
#include "tools/scans/report/report.h"

namespace weir::tools::scans {

// The override if a person has set one, else the rule's.
Severity severity_of(const store::FindingRow& finding);
// Seen by this scan and neither accepted nor called false: what the grade is about.
bool is_open(const store::FindingWithOccurrence& finding);
// Critical first, then by rule, URL, location and id. Pointers into `input`.
std::vector<const store::FindingWithOccurrence*> in_order(const ReportInput& input);
// Coverage rows by id of the check. Pointers into `input`.
std::vector<const store::ScanCheckRow*> checks_in_order(const ReportInput& input);

}  // namespace weir::tools::scans

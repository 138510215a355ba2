// The tools that read what scans found: list_findings, get_finding, get_report.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools::scans {

// Without max_chars a report for a model is cut at this many characters; other callers get all of it.
inline constexpr std::int64_t kReportCharsForModels = 40'000;

// `services` must outlive the tools.
std::vector<Tool> finding_tools(const Services& services);

}  // namespace weir::tools::scans

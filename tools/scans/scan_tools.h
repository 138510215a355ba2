// The tools that start, read, list and cancel scans, and estimate_scan.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools::scans {

// Common clients cut calls near 60 seconds: a wait ends before that.
inline constexpr std::int64_t kWaitSecondsMax = 50;

// `services` must outlive the tools.
std::vector<Tool> scan_tools(const Services& services);

}  // namespace weir::tools::scans

// The tools that judge a scan: compare_scans and check_gate.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools::scans {

// `services` must outlive the tools.
std::vector<Tool> comparison_tools(const Services& services);

}  // namespace weir::tools::scans

// The tools about checks: list_checks (what there is) and list_scan_checks (what one scan covered).
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools::scans {

// `services` must outlive the tools.
std::vector<Tool> catalogue_tools(const Services& services);

}  // namespace weir::tools::scans

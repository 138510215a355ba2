// The tools with which findings are triaged: update_finding_status and get_finding_history.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools::scans {

// `services` must outlive the tools.
std::vector<Tool> triage_tools(const Services& services);

}  // namespace weir::tools::scans

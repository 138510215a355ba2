// The tools about runs. Only where runs are executed: services.runs must not be null.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools::runs {

// `services` must outlive the tools.
std::vector<Tool> run_tools(const Services& services);

}  // namespace weir::tools::runs

// The tools that list runs and what happened in them. A part of run_tools.h.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools::runs {

// `services` must outlive the tools.
std::vector<Tool> run_history_tools(const Services& services);

}  // namespace weir::tools::runs

// The explicit list of every tool, in the order in which callers see them.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools {

// `services` must outlive the tools.
std::vector<Tool> all_tools(const Services& services);

}  // namespace weir::tools

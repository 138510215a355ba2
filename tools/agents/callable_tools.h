// list_agent_tools, and list_tools, which is the same by the name that other platforms use.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools::agents {

// `services.runs` must not be null. `services` must outlive the tools.
std::vector<Tool> callable_tool_tools(const Services& services);

}  // namespace weir::tools::agents

// The tools about the caller's own account: get_quota.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools {

// `services` must outlive the tools. `others` are all other tools: get_quota states their costs.
std::vector<Tool> account_tools(const Services& services, const std::vector<Tool>& others);

}  // namespace weir::tools

// The tools about targets: list_targets, get_target, create_target, delete_target.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools {

// `services` must outlive the tools.
std::vector<Tool> target_tools(const Services& services);

}  // namespace weir::tools

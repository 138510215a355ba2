// docs/reference/tools.md, rendered from the tool table; a test compares the committed file with this. Pure.
#pragma once
#include <string>
#include <vector>

#include "tools/tool.h"

namespace weir::tools {

std::string tool_reference(const std::vector<Tool>& tools);

}  // namespace weir::tools

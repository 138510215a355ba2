// docs/reference/tools.md, rendered from the tool table; a test compares the committed file with this. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tools/tool.h"

namespace weir::tools {

std::string tool_reference(const std::vector<Tool>& tools);
// The members of an object's schema as a table below `heading`; "" if it has none.
std::string member_table(const Json& schema, std::string_view heading);

}  // namespace weir::tools

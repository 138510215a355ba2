// The tools about events: list_events.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools {

// `services` must outlive the tools.
std::vector<Tool> event_tools(const Services& services);

}  // namespace weir::tools

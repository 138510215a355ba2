// list_deliveries, get_delivery, retry_delivery, replay_deliveries: what was sent and what became of it.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools {

// `services` must outlive the tools.
std::vector<Tool> delivery_tools(const Services& services);

}  // namespace weir::tools

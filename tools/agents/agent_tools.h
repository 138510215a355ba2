// The tools that manage agents, and the list of what agents may call.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools::agents {

inline constexpr std::int64_t kAgentNameCharsMax = 120;
inline constexpr std::int64_t kAgentDescriptionCharsMax = 1'000;

// `services.runs` must not be null. `services` must outlive the tools.
std::vector<Tool> agent_tools(const Services& services);

}  // namespace weir::tools::agents

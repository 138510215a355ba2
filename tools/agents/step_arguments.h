// What a step hands to its tool, as far as it is known before the run: names, and values without expressions.
#pragma once
#include <string>

#include "base/json.h"
#include "tools/agents/definition_reader.h"
#include "tools/runs/callable_tool.h"

namespace weir::tools::agents {

inline constexpr std::size_t kArgsBytesMax = 16'384;
inline constexpr std::size_t kArgsDepthMax = 16;

// True if some text in it holds ${...}.
bool holds_expression(const Json& value);
// Adds a mistake if the value nests deeper than kArgsDepthMax or is longer than `bytes_max` as text.
void check_size(const Json& value, const std::string& path, std::size_t bytes_max, Mistakes& mistakes);
// Adds a mistake for each argument that the tool does not have, lacks, or would refuse.
void check_arguments(const Json& args, const runs::CallableTool& tool, const std::string& path, Mistakes& mistakes);

}  // namespace weir::tools::agents

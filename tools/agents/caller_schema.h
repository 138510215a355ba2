// JSON Schemas that callers send (of a run's input and output): checked before they are kept, because later they decide
// about other people's requests.
#pragma once
#include <string>

#include "base/json.h"
#include "tools/agents/definition_reader.h"

namespace weir::tools::agents {

inline constexpr std::size_t kSchemaBytesMax = 32'768;
inline constexpr std::size_t kSchemaDepthMax = 16;

// Adds a mistake for each keyword that cannot be used, with its path. Regular expressions and references are refused: the
// first can take forever on a short text, the second can go round in circles.
void check_caller_schema(const Json& schema, const std::string& path, Mistakes& mistakes);

}  // namespace weir::tools::agents

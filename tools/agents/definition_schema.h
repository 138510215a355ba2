// The JSON Schema of an agent's definition, for editors and for docs/reference/agent.schema.json. The reader
// (agent_definition) is what decides: it also knows the tools, the graph and the expressions.
#pragma once
#include "base/json.h"

namespace weir::tools::agents {

// Everything that create_agent takes but the client_token, with all bounds.
Json definition_schema();

}  // namespace weir::tools::agents

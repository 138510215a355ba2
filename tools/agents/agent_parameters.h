// The arguments by which agents are described, for the tools that take them.
#pragma once
#include "tools/parameters.h"

namespace weir::tools::agents {

// Everything that create_agent takes but the client_token. What lies deeper than the first level is described, not
// constrained: the definition's own reader says all that is wrong with it at once, with the path of the step.
parameters::Members agent_parameters();
// `agent_id`: an id or a slug.
Json agent_parameter();

}  // namespace weir::tools::agents

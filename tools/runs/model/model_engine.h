// The engine of model agents: asks the model, makes the calls that it asks for, tells it the answers, until it answers
// without one or a limit ends the run. Knows no wire format (tools/models) and decides about no call (RunSession does).
#pragma once
#include <cstdint>

#include "base/random.h"
#include "tools/models/model_provider.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

// A model may write arguments that are no JSON in so many turns in a row and is told each time; one more fails the run
// as invalid_tool_arguments.
inline constexpr std::int64_t kArgumentRepairsMax = 2;
// A last answer that does not fit the agent's output schema is asked for so often again; one more fails the run as
// output_invalid.
inline constexpr std::int64_t kOutputRepairsMax = 1;

// How runs end, besides what RunSession ends: completed with the last text (or the JSON of the output schema);
// incomplete with max_steps (turns), max_tokens, max_cost, max_tool_calls, context_window or model_refusal; failed with
// invalid_tool_arguments, output_invalid, server_restarted, or the code of the provider's error. `providers` and
// `random` must outlive the engine.
Engine model_engine(const models::ModelProviders& providers, Random& random);

}  // namespace weir::tools::runs

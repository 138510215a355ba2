// What a run has used, as callers see it: {input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, model_requests,
// tool_calls, wall_ms, cost_microusd, complete}. Nothing is estimated: what a provider did not say is null, and `complete`
// says so. Pure.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "base/json.h"
#include "tools/agents/agent_definition.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

// All zero; missing members of `stored` (a run that has not begun) are filled in.
Json usage_from(const Json& stored);
void add_turn(Json& usage, const TurnUsage& turn);
void add_tool_call(Json& usage);
void set_wall(Json& usage, std::chrono::milliseconds wall);
// "max_tokens" or "max_cost" once the usage has reached that limit; nothing before.
std::optional<std::string> used_up(const Json& usage, const agents::RunLimits& limits);

}  // namespace weir::tools::runs

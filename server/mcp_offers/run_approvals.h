// What a run asks a person, as MCP asks people: one form for each tool call that waits, and the answers as decisions for
// respond_run. The hash of the arguments that were shown travels along, so that nothing else is executed.
#pragma once
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "tools/call_context.h"
#include "tools/catalog.h"

namespace weir::mcp_offers {

// {"<tool call id>": {"method": "elicitation/create", "params": {...}}}; empty if nothing waits. `tool_calls` are those of
// get_run with include tool_calls.
Json approval_requests(const Json& tool_calls);

// Carries out what a person answered to approval_requests(): accept with decision allow or deny, decline and cancel (which
// leaves the call waiting). Unknown keys are ignored, as are answers that say nothing. Returns what respond_run says, or
// validation_failed for an answer of another form. Blocks for the database.
Result<void> carry_out(const tools::Catalog& catalog, const tools::CallContext& context, const std::string& run_id,
                       const Json& tool_calls, const Json& responses);

}  // namespace weir::mcp_offers

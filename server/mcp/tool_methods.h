// tools/list and tools/call, in every revision.
#pragma once
#include <memory>

#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"

namespace weir::mcp {

// The tools that the key's scopes allow, in the table's order, on one page.
void handle_tools_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
// Answers when the tool has; while it waits, reports progress to a caller that gave a token.
void handle_tools_call(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp

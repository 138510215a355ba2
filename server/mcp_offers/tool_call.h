// Calls a tool of the table for an offer: resources and tasks are other views of what tools answer.
#pragma once
#include "base/result.h"
#include "tools/catalog.h"

namespace weir::mcp_offers {

// For tools that answer at once. Whoever calls has checked the scope: this is no way past the gate. Returns not_found if
// the table has no such tool. Blocks for the database.
Result<tools::ToolResult> call_now(const tools::Catalog& catalog, const tools::CallContext& context,
                                   std::string_view name, Json arguments);

}  // namespace weir::mcp_offers

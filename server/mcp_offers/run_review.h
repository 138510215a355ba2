// review_run: a person decides, in the host that they work with, about the tool calls that a run waits for. Exists only
// over MCP, because only MCP can ask (elicitation); a model cannot answer in its place. Scripts use respond_run.
#pragma once
#include "server/mcp/mcp_tool.h"
#include "tools/catalog.h"

namespace weir::mcp_offers {

// `catalog` must outlive the tool.
mcp::McpTool review_run(const tools::Catalog& catalog);

}  // namespace weir::mcp_offers

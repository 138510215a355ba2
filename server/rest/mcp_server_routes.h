// GET /v1/mcp-servers[/{alias}] and POST /v1/mcp-servers/{alias}/approve: REST only, because no model may decide
// which tools models get. Servers are added in the configuration, never here.
#pragma once
#include <vector>

#include "tools/mcp_servers/mcp_server_set.h"
#include "tools/tool.h"

namespace weir::rest {

// `servers` must outlive the routes. Each needs the scope admin.
std::vector<tools::Tool> mcp_server_routes(tools::mcp_servers::McpServerSet& servers);

}  // namespace weir::rest

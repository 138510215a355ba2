// A tool that exists only over MCP, because it needs what only MCP has: content that is no JSON, notifications while it
// runs, questions to the client, tasks. Everything else is a tools::Tool in the table.
#pragma once
#include <string_view>
#include <vector>

#include "server/mcp/interaction.h"
#include "tools/tool.h"

namespace weir::mcp {

// Immutable once offered.
struct McpTool {
  tools::Tool declaration;                      // its handler is not called
  Json required_capabilities = Json::object();  // of the client; without them it is refused with -32021
  bool is_only_a_task = false;                  // the tasks extension is required of the client
  InteractionHandler handler;                   // answers with a CallToolResult
};

// Null if there is none.
inline const McpTool* find_mcp_tool(const std::vector<McpTool>& tools, std::string_view name) {
  for (const McpTool& tool : tools) {
    if (tool.declaration.name == name) return &tool;
  }
  return nullptr;
}

}  // namespace weir::mcp

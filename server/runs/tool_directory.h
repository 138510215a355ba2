// The tools that runs may know of: those of the table, and the approved ones of other MCP servers.
#pragma once
#include <string_view>
#include <vector>

#include "tools/catalog.h"
#include "tools/mcp_servers/mcp_server_set.h"
#include "tools/runs/callable_tool.h"

namespace weir::server {

// A tool of the table as runs see it.
tools::runs::CallableTool callable_tool(const tools::Tool& tool);

// Empty until attach(). Thread-safe after it.
class CatalogToolDirectory final : public tools::runs::ToolDirectory {
 public:
  // `servers` may be null. Before anything asks; both must outlive the directory.
  void attach(const tools::Catalog& catalog, const tools::mcp_servers::McpServerSet* servers);

  [[nodiscard]] std::vector<tools::runs::CallableTool> all() const override;
  [[nodiscard]] std::optional<tools::runs::CallableTool> find(std::string_view name) const override;

 private:
  std::vector<tools::runs::CallableTool> builtin_;  // in the table's order
  const tools::mcp_servers::McpServerSet* servers_ = nullptr;
};

}  // namespace weir::server

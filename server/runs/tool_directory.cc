#include "server/runs/tool_directory.h"

#include <algorithm>

#include "tools/runs/tool_policy.h"

namespace weir::server {

using tools::runs::CallableTool;

CallableTool callable_tool(const tools::Tool& tool) {
  const Json* const properties = find_member(tool.input_schema, "properties");
  CallableTool callable;
  callable.name = tool.name;
  callable.title = tool.title;
  callable.description = tool.description;
  callable.input_schema = tool.input_schema;
  callable.annotations = tool.annotations;
  callable.scope = tool.scope;
  callable.is_grantable = tools::runs::is_grantable_builtin(tool.name, tool.scope);
  callable.takes_client_token = properties != nullptr && properties->contains("client_token");
  callable.is_repeatable =
      tool.annotations.is_read_only || tool.annotations.is_idempotent || callable.takes_client_token;
  callable.is_tainting = tools::runs::is_tainting_builtin(tool.name);
  return callable;
}

void CatalogToolDirectory::attach(const tools::Catalog& catalog, const tools::mcp_servers::McpServerSet* servers) {
  for (const tools::Tool& tool : catalog.tools()) builtin_.push_back(callable_tool(tool));
  servers_ = servers;
}

std::vector<CallableTool> CatalogToolDirectory::all() const {
  std::vector<CallableTool> tools = builtin_;
  if (servers_ == nullptr) return tools;
  for (CallableTool& tool : servers_->tools()) tools.push_back(std::move(tool));
  return tools;
}

std::optional<CallableTool> CatalogToolDirectory::find(std::string_view name) const {
  const auto found = std::ranges::find(builtin_, name, &CallableTool::name);
  if (found != builtin_.end()) return *found;
  return servers_ == nullptr ? std::nullopt : servers_->find(name);
}

}  // namespace weir::server

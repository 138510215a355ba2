// A shorter list of tools, as the host's configuration asks for: some toolsets, or only what changes nothing. A model
// that sees fewer tools chooses better among them. Not authorization: that is the key's scopes.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/http/message.h"
#include "server/mcp/jsonrpc.h"
#include "tools/tool.h"

namespace weir::mcp {

// The noun of the scope that a tool needs: "scans" for scans:run; "account" for tools that any key may call.
std::string toolset_of(const tools::Tool& tool);

// Immutable.
class ToolFilter {
 public:
  ToolFilter() = default;
  // `?toolsets=scans,findings` or X-MCP-Toolsets, `?read_only=1` or X-MCP-Readonly, on every request of the host. Where both
  // ask, both hold.
  static ToolFilter of(const http::Request& request);

  [[nodiscard]] bool is_empty() const { return toolsets_.empty() && !is_read_only_ && complaint_.empty(); }
  [[nodiscard]] bool allows(const tools::Tool& tool) const;
  // What the host got wrong: a toolset that is not `known`, a value that is neither true nor false.
  [[nodiscard]] std::optional<RpcError> fault(const std::set<std::string>& known) const;
  // A tool that exists and was left out.
  [[nodiscard]] RpcError left_out(const tools::Tool& tool) const;

 private:
  void add_toolsets(std::string_view list);
  void add_read_only(std::string_view value, std::string_view from);

  std::vector<std::string> toolsets_;  // empty: all
  bool is_read_only_ = false;
  std::string complaint_;
};

}  // namespace weir::mcp

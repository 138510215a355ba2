// The tools that runs may call, built in or of an external MCP server: what engines, policies and definitions need to know
// of them, without knowing where they live.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tools/access.h"
#include "tools/tool.h"

namespace weir::tools::runs {

// Not thread-safe: a value.
struct CallableTool {
  std::string name;  // "create_scan", "<alias>__<tool>"
  std::string title;
  std::string description;
  Json input_schema = Json::object();
  Annotations annotations;  // of an external tool: its server's word, which decides nothing
  Scope scope = Scope::none;
  std::string source = "builtin";  // or "mcp:<alias>"
  bool is_grantable = true;        // false: no agent may ever have it
  // True if a call that may or may not have been made before may be made again: it only reads, is idempotent, or takes a
  // client_token (then the tool call's id is sent as one).
  bool is_repeatable = false;
  bool takes_client_token = false;
  bool is_tainting = false;  // its answers hold text that others wrote

  [[nodiscard]] bool is_external() const { return source != "builtin"; }
};

// Thread-safe.
class ToolDirectory {
 public:
  virtual ~ToolDirectory() = default;
  // Every tool that there is now, grantable or not, in a stable order.
  [[nodiscard]] virtual std::vector<CallableTool> all() const = 0;
  [[nodiscard]] virtual std::optional<CallableTool> find(std::string_view name) const = 0;
};

}  // namespace weir::tools::runs

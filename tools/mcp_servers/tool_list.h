// The tools of one server as they were listed, and the pin: the hash of the list of (name, description, inputSchema).
// An operator agrees to a hash; whatever a server changes afterwards changes it, and disables the server until
// somebody has looked. What is not in the hash (titles, annotations, icons) reaches nobody. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/mcp_servers/param_headers.h"
#include "tools/runs/callable_tool.h"

namespace weir::tools::mcp_servers {

// One tool of a server. Not thread-safe: a value.
struct RemoteTool {
  std::string name;         // the server's
  std::string description;  // whole, as it is pinned
  Json input_schema = Json::object();
  ParamHeaders param_headers{};
  std::string unusable;  // why no agent can have it; "" : it can
};

// What the list was and what it is. Not thread-safe: a value.
struct ToolChanges {
  std::vector<std::string> added;
  std::vector<std::string> removed;
  std::vector<std::string> changed;  // the description or the input
};

// Sorted by name. Not thread-safe: a value.
class ToolList {
 public:
  ToolList() = default;
  // From the elements of tools/list. Returns unavailable if one is no tool, or two have one name: such a list cannot be
  // pinned.
  static Result<ToolList> from_listing(const std::vector<Json>& listing, std::string_view alias);
  // From pinned(). Returns internal if it is none.
  static Result<ToolList> from_pinned(const Json& pinned, std::string_view alias);

  [[nodiscard]] const std::vector<RemoteTool>& tools() const { return tools_; }
  [[nodiscard]] const RemoteTool* find(std::string_view name) const;
  // [{"name", "description", "inputSchema"}], what is stored and hashed.
  [[nodiscard]] Json pinned() const;
  // SHA-256 of pinned() on one line, members sorted by name: hex.
  [[nodiscard]] const std::string& sha256() const { return sha256_; }
  [[nodiscard]] ToolChanges since(const ToolList& before) const;

 private:
  static Result<ToolList> build(std::vector<RemoteTool> tools, std::string_view alias);

  std::vector<RemoteTool> tools_;
  std::string sha256_;
};

// "everything__echo"; what models are given must match ^[A-Za-z0-9_-]{1,64}$, so tools that cannot be named so are
// unusable.
std::string callable_name(std::string_view alias, std::string_view tool);
inline constexpr std::size_t kCallableNameBytesMax = 64;
// The alias and the server's name of a tool; the first is empty if `name` is none of an external tool.
std::pair<std::string_view, std::string_view> split_name(std::string_view name);
// As engines see it. Nothing of the server's annotations is believed.
runs::CallableTool callable_tool(std::string_view alias, const RemoteTool& tool);

}  // namespace weir::tools::mcp_servers

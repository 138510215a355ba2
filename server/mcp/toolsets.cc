#include "server/mcp/toolsets.h"

#include <algorithm>

#include "base/log.h"

namespace weir::mcp {
namespace {

// More names than there are toolsets are a mistake.
constexpr std::size_t kToolsetsMax = 32;
constexpr std::string_view kToolsetsHeader = "X-MCP-Toolsets";
constexpr std::string_view kReadOnlyHeader = "X-MCP-Readonly";

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::string toolset_of(const tools::Tool& tool) {
  if (tool.scope == tools::Scope::none) return "account";
  const std::string_view scope = tools::to_string(tool.scope);
  return std::string(scope.substr(0, scope.find(':')));
}

ToolFilter ToolFilter::of(const http::Request& request) {
  ToolFilter filter;
  for (const auto& [name, value] : request.query) {
    if (name == "toolsets") filter.add_toolsets(value);
    if (name == "read_only") filter.add_read_only(value, "read_only");
  }
  if (const auto list = request.headers.find(kToolsetsHeader)) filter.add_toolsets(*list);
  if (const auto value = request.headers.find(kReadOnlyHeader)) filter.add_read_only(*value, kReadOnlyHeader);
  return filter;
}

void ToolFilter::add_toolsets(std::string_view list) {
  while (!list.empty() && toolsets_.size() < kToolsetsMax) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view name = list.substr(0, comma);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (!name.empty() && name != "all" && std::ranges::find(toolsets_, name) == toolsets_.end())
      toolsets_.emplace_back(name);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

void ToolFilter::add_read_only(std::string_view value, std::string_view from) {
  if (value == "1" || value == "true") {
    is_read_only_ = true;
  } else if (value != "0" && value != "false" && !value.empty()) {
    complaint_ = std::string(from) + " is \"" + printable(value, 20) + "\"; 1 or true is expected, or 0 or false.";
  }
}

bool ToolFilter::allows(const tools::Tool& tool) const {
  if (is_read_only_ && !tool.annotations.is_read_only) return false;
  return toolsets_.empty() || std::ranges::find(toolsets_, toolset_of(tool)) != toolsets_.end();
}

std::optional<RpcError> ToolFilter::fault(const std::set<std::string>& known) const {
  std::string text = complaint_;
  for (const std::string& name : toolsets_) {
    if (known.contains(name)) continue;
    text = "There is no toolset \"" + printable(name, 40) + "\". Known are " + joined(known) + ", and all.";
    break;
  }
  if (text.empty()) return std::nullopt;
  return RpcError{code::kInvalidParams, "Invalid params: " + text, {{"toolsets", known}}};
}

RpcError ToolFilter::left_out(const tools::Tool& tool) const {
  const bool is_about_writing = is_read_only_ && !tool.annotations.is_read_only;
  return {code::kInvalidParams, "Invalid params: " + tool.name + " is left out of this connection, " +
                                    (is_about_writing ? "which is for reading only (read_only, X-MCP-Readonly)."
                                                      : "since its toolset " + toolset_of(tool) +
                                                            " was not asked for (toolsets, X-MCP-Toolsets).")};
}

}  // namespace weir::mcp

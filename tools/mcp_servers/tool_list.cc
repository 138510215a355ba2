#include "tools/mcp_servers/tool_list.h"

#include <algorithm>
#include <utility>

#include "base/hmac.h"
#include "base/log.h"
#include "tools/mcp_servers/server_spec.h"

namespace weir::tools::mcp_servers {
namespace {

constexpr std::string_view kSeparator = "__";
constexpr std::size_t kNameBytesMax = 200;

bool is_callable_name(std::string_view name) {
  return !name.empty() && name.size() <= kCallableNameBytesMax &&
         std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
}

// At most `bytes_max`, cut between characters.
std::string cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  constexpr std::string_view kMore = "...";
  std::size_t end = bytes_max - kMore.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)).append(kMore);
}

std::string unusable_because(const RemoteTool& tool, std::string_view alias) {
  if (!is_callable_name(callable_name(alias, tool.name))) {
    return "with its alias its name is longer than " + std::to_string(kCallableNameBytesMax) +
           " characters, or holds others than letters, digits, _ and -";
  }
  if (string_or(tool.input_schema, "type", "") != "object") return "its input is no object";
  if (to_text(tool.input_schema).size() > kSchemaBytesMax) {
    return "the schema of its input is larger than " + std::to_string(kSchemaBytesMax) + " bytes";
  }
  return "";
}

Result<RemoteTool> tool_from(const Json& json) {
  const auto name = string_member(json, "name");
  if (!name || name->empty() || name->size() > kNameBytesMax) {
    return Error(ErrorCode::unavailable,
                 "lists a tool without a name, or with one of more than " + std::to_string(kNameBytesMax) + " bytes");
  }
  RemoteTool tool;
  tool.name = *name;
  tool.description = string_or(json, "description", "");
  if (const Json* schema = find_member(json, "inputSchema")) tool.input_schema = *schema;
  if (const Json* execution = find_member(json, "execution");
      execution != nullptr && string_or(*execution, "taskSupport", "") == "required") {
    tool.unusable = "it can only be called as a task";
  }
  return tool;
}

}  // namespace

Result<ToolList> ToolList::from_listing(const std::vector<Json>& listing, std::string_view alias) {
  std::vector<RemoteTool> tools;
  for (const Json& json : listing) {
    auto tool = tool_from(json);
    if (!tool) return std::move(tool).error();
    tools.push_back(*std::move(tool));
  }
  return build(std::move(tools), alias);
}

Result<ToolList> ToolList::from_pinned(const Json& pinned, std::string_view alias) {
  if (!pinned.is_array()) return internal_error("a stored list of tools is no list");
  return from_listing(pinned.get<std::vector<Json>>(), alias);
}

Result<ToolList> ToolList::build(std::vector<RemoteTool> tools, std::string_view alias) {
  std::ranges::sort(tools, {}, &RemoteTool::name);
  const auto twice = std::ranges::adjacent_find(tools, {}, &RemoteTool::name);
  if (twice != tools.end()) {
    return Error(ErrorCode::unavailable, "lists the tool " + printable(twice->name, kNameBytesMax) + " twice");
  }
  for (RemoteTool& tool : tools) {
    auto headers = param_headers(tool.input_schema);
    if (headers) tool.param_headers = *std::move(headers);
    if (tool.unusable.empty()) tool.unusable = headers ? unusable_because(tool, alias) : headers.error().message;
  }
  ToolList list;
  list.tools_ = std::move(tools);
  list.sha256_ = to_hex(weir::sha256(to_text(list.pinned())));
  return list;
}

const RemoteTool* ToolList::find(std::string_view name) const {
  const auto found = std::ranges::find(tools_, name, &RemoteTool::name);
  return found == tools_.end() ? nullptr : &*found;
}

Json ToolList::pinned() const {
  Json list = Json::array();
  for (const RemoteTool& tool : tools_) {
    list.push_back({{"name", tool.name}, {"description", tool.description}, {"inputSchema", tool.input_schema}});
  }
  return list;
}

ToolChanges ToolList::since(const ToolList& before) const {
  ToolChanges changes;
  for (const RemoteTool& tool : tools_) {
    const RemoteTool* const old = before.find(tool.name);
    if (old == nullptr) {
      changes.added.push_back(tool.name);
    } else if (old->description != tool.description || old->input_schema != tool.input_schema) {
      changes.changed.push_back(tool.name);
    }
  }
  for (const RemoteTool& tool : before.tools_) {
    if (find(tool.name) == nullptr) changes.removed.push_back(tool.name);
  }
  return changes;
}

std::string callable_name(std::string_view alias, std::string_view tool) {
  return std::string(alias).append(kSeparator).append(tool);
}

std::pair<std::string_view, std::string_view> split_name(std::string_view name) {
  const std::size_t at = name.find(kSeparator);
  if (at == std::string_view::npos || !is_alias(name.substr(0, at))) return {"", name};
  return {name.substr(0, at), name.substr(at + kSeparator.size())};
}

runs::CallableTool callable_tool(std::string_view alias, const RemoteTool& tool) {
  runs::CallableTool callable;
  callable.name = callable_name(alias, tool.name);
  callable.title = callable.name;
  callable.description = cut(tool.description, kDescriptionBytesMax);
  callable.input_schema = tool.input_schema;
  // The worst, as MCP assumes of tools that say nothing.
  callable.annotations = {.is_read_only = false, .is_destructive = true, .is_idempotent = false, .is_open_world = true};
  callable.scope = Scope::runs_run;
  callable.source = "mcp:" + std::string(alias);
  callable.is_grantable = true;
  callable.is_repeatable = false;
  callable.is_tainting = true;
  return callable;
}

}  // namespace weir::tools::mcp_servers

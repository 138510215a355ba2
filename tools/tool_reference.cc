#include "tools/tool_reference.h"

namespace weir::tools {
namespace {

// "string", "integer or null", "array of string"
std::string type_text(const Json& schema) {
  const Json* type = find_member(schema, "type");
  if (type == nullptr) return "any";
  if (type->is_array()) {
    std::string text;
    for (const Json& one : *type) text += (text.empty() ? "" : " or ") + one.get<std::string>();
    return text;
  }
  if (*type == "array") {
    const Json* items = find_member(schema, "items");
    return "array of " + (items == nullptr ? std::string("any") : type_text(*items));
  }
  return type->get<std::string>();
}

std::string bounds_text(const Json& schema) {
  std::string text;
  const auto add = [&](const std::string& piece) { text += (text.empty() ? "" : "; ") + piece; };
  if (const Json* values = find_member(schema, "enum")) {
    std::string names;
    for (const Json& value : *values)
      names += (names.empty() ? "" : ", ") + (value.is_string() ? value.get<std::string>() : to_text(value));
    add("one of " + names);
  }
  if (const Json* minimum = find_member(schema, "minimum")) add("from " + to_text(*minimum));
  if (const Json* maximum = find_member(schema, "maximum")) add("to " + to_text(*maximum));
  if (const Json* longest = find_member(schema, "maxLength")) add("at most " + to_text(*longest) + " characters");
  if (const Json* most = find_member(schema, "maxItems")) add("at most " + to_text(*most) + " items");
  if (const Json* fallback = find_member(schema, "default")) add("default " + to_text(*fallback));
  return text;
}

std::string cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text;
}

bool is_required(const Json& schema, const std::string& name) {
  const Json* required = find_member(schema, "required");
  return required != nullptr && std::find(required->begin(), required->end(), name) != required->end();
}

std::string hints_text(const Annotations& annotations) {
  std::string text = annotations.is_read_only ? "reads only" : "changes something";
  if (annotations.is_destructive) text += ", destructive";
  if (annotations.is_idempotent) text += ", idempotent";
  if (annotations.is_open_world) text += ", reaches other hosts";
  return text;
}

}  // namespace

std::string member_table(const Json& schema, std::string_view heading) {
  const Json* properties = find_member(schema, "properties");
  if (properties == nullptr || properties->empty()) return "";
  std::string text = "\n" + std::string(heading) + "\n\n| name | type | meaning |\n|---|---|---|\n";
  for (const auto& [name, member] : properties->items()) {
    const std::string bounds = bounds_text(member);
    text += "| `" + name + "`" + (is_required(schema, name) ? "" : " (optional)") + " | " + type_text(member) + " | " +
            cell(string_or(member, "description", "")) + (bounds.empty() ? "" : " (" + cell(bounds) + ")") + " |\n";
  }
  return text;
}

std::string tool_reference(const std::vector<Tool>& tools) {
  std::string text =
      "# Tools\n\nGenerated from the tool table (`tools/all_tools.cc`); a test compares this page with it.\n\n"
      "Each tool is an MCP tool, a REST route and a `weir call` command. A wrong argument is refused with its name, "
      "what came "
      "and what is expected.\n\n| tool | REST | scope | cost |\n|---|---|---|---|\n";
  for (const Tool& tool : tools) {
    text += "| [`" + tool.name + "`](#" + tool.name + ") | " +
            (tool.rest ? "`" + tool.rest->method + " " + tool.rest->path + "`" : "-") + " | " +
            (tool.scope == Scope::none ? "any key" : "`" + std::string(to_string(tool.scope)) + "`") + " | " +
            std::to_string(tool.cost) + " |\n";
  }
  for (const Tool& tool : tools) {
    text += "\n## " + tool.name + "\n\n" + tool.description + "\n\nHints: " + hints_text(tool.annotations) + ".\n";
    text += member_table(tool.input_schema, "Arguments:");
    text += member_table(tool.output_schema, "Answer:");
  }
  return text;
}

}  // namespace weir::tools

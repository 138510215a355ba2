#include "tools/agents/step_arguments.h"

#include <algorithm>

#include "tools/near_match.h"
#include "tools/schema.h"

namespace weir::tools::agents {
namespace {

std::vector<std::string> property_names(const Json& schema) {
  std::vector<std::string> names;
  const Json* properties = find_member(schema, "properties");
  if (properties == nullptr || !properties->is_object()) return names;
  for (const auto& [name, ignored] : properties->items()) names.push_back(name);
  return names;
}

// An external server's schema may be anything; what cannot be compiled checks nothing here.
void check_constant(const Json& value, const Json& schema, const std::string& path, Mistakes& mistakes) {
  Result<Schema> compiled = Schema::compile(schema);
  if (!compiled) return;
  for (const FieldError& violation : compiled->violations(value)) {
    const bool is_index = !violation.field.empty() && violation.field.front() == '[';
    mistakes.add(violation.field.empty() ? path : path + (is_index ? "" : ".") + violation.field, violation.message);
  }
}

std::size_t depth_of(const Json& value) {
  std::size_t deepest = 0;
  if (!value.is_structured()) return 0;
  for (const Json& member : value) deepest = std::max(deepest, depth_of(member));
  return deepest + 1;
}

}  // namespace

bool holds_expression(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().find("${") != std::string::npos;
  if (!value.is_structured()) return false;
  return std::any_of(value.begin(), value.end(), [](const Json& member) { return holds_expression(member); });
}

void check_size(const Json& value, const std::string& path, std::size_t bytes_max, Mistakes& mistakes) {
  if (const std::size_t depth = depth_of(value); depth > kArgsDepthMax) {
    mistakes.add(path,
                 "nests " + std::to_string(depth) + " levels deep; expected at most " + std::to_string(kArgsDepthMax));
  } else if (const std::size_t bytes = to_text(value).size(); bytes > bytes_max) {
    mistakes.add(path, "has " + std::to_string(bytes) + " bytes; expected at most " + std::to_string(bytes_max));
  }
}

void check_arguments(const Json& args, const runs::CallableTool& tool, const std::string& path, Mistakes& mistakes) {
  const std::vector<std::string> names = property_names(tool.input_schema);
  const Json* properties = find_member(tool.input_schema, "properties");
  // Without `properties` a schema says nothing about names; with them, built-in tools take no others.
  const bool is_closed = !tool.is_external() || !bool_or(tool.input_schema, "additionalProperties", true);
  for (const auto& [name, value] : args.items()) {
    const Json* schema = properties == nullptr ? nullptr : find_member(*properties, name);
    const std::string at = joined(path, name);
    if (name == "client_token" && tool.takes_client_token) {
      mistakes.add(at, "is set by the run, so that a step is not done twice; leave it out");
    } else if (schema == nullptr && is_closed) {
      const std::string near = suggestion(name, names);
      mistakes.add(at, "is not known to " + tool.name + near + (near.empty() ? "; expected one of " : " Known: ") +
                           (names.empty() ? "none" : listed(names)));
    } else if (schema != nullptr && !holds_expression(value)) {
      check_constant(value, *schema, at, mistakes);
    }
  }
  const Json* required = find_member(tool.input_schema, "required");
  if (required == nullptr || !required->is_array()) return;
  for (const Json& name : *required) {
    if (!name.is_string() || args.contains(name.get<std::string>())) continue;
    mistakes.add(joined(path, name.get<std::string>()), "is missing; " + tool.name + " needs it");
  }
}

}  // namespace weir::tools::agents

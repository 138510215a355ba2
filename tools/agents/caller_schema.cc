#include "tools/agents/caller_schema.h"

#include <algorithm>
#include <array>

#include "tools/schema.h"

namespace weir::tools::agents {
namespace {

constexpr std::array<std::string_view, 7> kTypes = {"string", "integer", "number", "boolean",
                                                    "object", "array",   "null"};
constexpr std::array<std::string_view, 7> kRefused = {"$ref",    "$dynamicRef",       "$recursiveRef", "pattern",
                                                      "$anchor", "patternProperties", "$dynamicAnchor"};
constexpr std::array<std::string_view, 9> kHoldSchema = {
    "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "additionalItems"};
constexpr std::array<std::string_view, 5> kHoldSchemaList = {"anyOf", "allOf", "oneOf", "prefixItems", "items"};
constexpr std::array<std::string_view, 4> kHoldSchemaMap = {"properties", "$defs", "definitions", "dependentSchemas"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Not thread-safe: owned by check_caller_schema.
class SchemaWalk {
 public:
  explicit SchemaWalk(Mistakes& mistakes) : mistakes_(mistakes) {}

  void walk(const Json& schema, const std::string& path, std::size_t depth) {
    if (schema.is_boolean()) return;
    if (!schema.is_object())
      return mistakes_.add(path, "is " + shown(schema) + "; expected a JSON Schema, which is an object");
    if (depth >= kSchemaDepthMax) {
      return mistakes_.add(path,
                           "nests deeper than " + std::to_string(kSchemaDepthMax) + " schemas; expected a flatter one");
    }
    for (const auto& [keyword, value] : schema.items()) walk_keyword(keyword, value, joined(path, keyword), depth);
  }

 private:
  void walk_keyword(const std::string& keyword, const Json& value, const std::string& path, std::size_t depth) {
    if (is_one_of(kRefused, keyword)) {
      return mistakes_.add(path,
                           "is not taken here; expected a schema without references and regular expressions (use "
                           "enum, minLength and maxLength, and write shared parts out)");
    }
    if (keyword == "type") return check_type(value, path);
    if (keyword == "required" || keyword == "enum") return check_list(keyword, value, path);
    if (is_one_of(kHoldSchemaMap, keyword)) return walk_map(value, path, depth);
    if (is_one_of(kHoldSchemaList, keyword) && value.is_array()) return walk_list(value, path, depth);
    if (is_one_of(kHoldSchemaList, keyword) && keyword != "items") {
      return mistakes_.add(path, "is " + shown(value) + "; expected an array of schemas");
    }
    if (is_one_of(kHoldSchema, keyword)) walk(value, path, depth + 1);
  }

  void check_type(const Json& value, const std::string& path) {
    const Json types = value.is_array() ? value : Json::array({value});
    for (const Json& type : types) {
      if (type.is_string() && is_one_of(kTypes, type.get<std::string>())) continue;
      mistakes_.add(path, "is " + shown(type) + "; expected string, integer, number, boolean, object, array or null");
    }
  }

  void check_list(const std::string& keyword, const Json& value, const std::string& path) {
    if (!value.is_array()) return mistakes_.add(path, "is " + shown(value) + "; expected an array");
    if (keyword == "enum") return;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (!value[i].is_string())
        mistakes_.add(at_index(path, i), "is " + shown(value[i]) + "; expected a member's name");
    }
  }

  void walk_list(const Json& value, const std::string& path, std::size_t depth) {
    for (std::size_t i = 0; i < value.size(); ++i) walk(value[i], at_index(path, i), depth + 1);
  }

  void walk_map(const Json& value, const std::string& path, std::size_t depth) {
    if (!value.is_object())
      return mistakes_.add(path, "is " + shown(value) + "; expected an object of schemas by name");
    for (const auto& [name, member] : value.items()) walk(member, joined(path, name), depth + 1);
  }

  Mistakes& mistakes_;
};

}  // namespace

void check_caller_schema(const Json& schema, const std::string& path, Mistakes& mistakes) {
  if (const std::size_t bytes = to_text(schema).size(); bytes > kSchemaBytesMax) {
    return mistakes.add(path,
                        "has " + std::to_string(bytes) + " bytes; expected at most " + std::to_string(kSchemaBytesMax));
  }
  const std::size_t before = mistakes.count();
  SchemaWalk(mistakes).walk(schema, path, 0);
  if (mistakes.count() != before) return;
  if (Result<Schema> compiled = Schema::compile(schema); !compiled) mistakes.add(path, compiled.error().message);
}

}  // namespace weir::tools::agents

// The words in which event types declare the payloads that they carry: small builders for JSON Schema. Pure.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace weir::streaming::payloads {

using Members = std::vector<std::pair<std::string, Json>>;

inline Json typed(std::string_view type, std::string_view description) {
  return {{"type", type}, {"description", description}};
}
inline Json text(std::string_view description) { return typed("string", description); }
inline Json integer(std::string_view description) { return typed("integer", description); }
inline Json one_of(std::string_view description, const std::vector<std::string>& values) {
  Json schema = text(description);
  schema["enum"] = values;
  return schema;
}
inline Json nullable(Json schema) {
  schema["type"] = Json::array({schema["type"], "null"});
  if (schema.contains("enum")) schema["enum"].push_back(nullptr);
  return schema;
}

// More members may be added later; all `members` are always there except those in `optional`.
inline Json payload(const Members& members, const std::vector<std::string>& optional = {}) {
  Json schema = {{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  for (const auto& [name, member] : members) {
    schema["properties"][name] = member;
    if (std::find(optional.begin(), optional.end(), name) == optional.end()) schema["required"].push_back(name);
  }
  return schema;
}

}  // namespace weir::streaming::payloads

#include "tools/parameters.h"

#include <algorithm>

#include "store/database.h"

namespace weir::tools::parameters {
namespace {

Json typed(std::string_view type, std::string_view description) {
  Json schema = {{"type", type}};
  if (!description.empty()) schema["description"] = description;
  return schema;
}

}  // namespace

Json arguments(const Members& members, const std::vector<std::string>& required) {
  Json schema = {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
  for (const auto& [name, member] : members) schema["properties"][name] = member;
  if (!required.empty()) schema["required"] = required;
  return schema;
}

Json answer(const Members& members, const std::vector<std::string>& optional, std::string_view description) {
  Json schema = typed("object", description);
  schema["properties"] = Json::object();
  Json required = Json::array();
  for (const auto& [name, member] : members) {
    schema["properties"][name] = member;
    if (std::find(optional.begin(), optional.end(), name) == optional.end()) required.push_back(name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

Json text(std::string_view description, TextBounds bounds) {
  Json schema = typed("string", description);
  if (bounds.length_min > 0) schema["minLength"] = bounds.length_min;
  schema["maxLength"] = bounds.length_max;
  return schema;
}

Json text(std::string_view description) { return typed("string", description); }

Json one_of(std::string_view description, const std::vector<std::string>& values) {
  Json schema = typed("string", description);
  schema["enum"] = values;
  return schema;
}

Json integer(std::string_view description, IntegerBounds bounds) {
  Json schema = typed("integer", description);
  schema["minimum"] = bounds.minimum;
  schema["maximum"] = bounds.maximum;
  return schema;
}

Json integer(std::string_view description) { return typed("integer", description); }
Json number(std::string_view description) { return typed("number", description); }
Json boolean(std::string_view description) { return typed("boolean", description); }
Json object(std::string_view description) { return typed("object", description); }

Json list(std::string_view description, Json items) {
  Json schema = typed("array", description);
  schema["items"] = std::move(items);
  return schema;
}

Json list(std::string_view description, Json items, std::int64_t items_max) {
  Json schema = list(description, std::move(items));
  schema["maxItems"] = items_max;
  return schema;
}

Json nullable(Json schema) {
  schema["type"] = Json::array({schema["type"], "null"});
  if (schema.contains("enum")) schema["enum"].push_back(nullptr);
  return schema;
}

Json with_default(Json schema, Json value) {
  schema["default"] = std::move(value);
  return schema;
}

Json time(std::string_view description) { return typed("string", std::string(description) + " RFC 3339, UTC."); }

Json id(std::string_view prefix, std::string_view description) {
  // Long enough for any id; what is not an id is answered with not_found, like an id that does not exist.
  return text(std::string(description) + " Looks like " + std::string(prefix) + "_01JD8Z6W0V6E5Q9T2YB3K4M7NP.",
              {.length_min = 1, .length_max = 64});
}

Members page_members() {
  return {
      {"limit",
       with_default(integer("How many rows to return at most.", {.minimum = 1, .maximum = store::kPageLimitMax}),
                    store::PageRequest{}.limit)},
      {"cursor", text("`next_cursor` of the page before; leave it out for the first page.",
                      {.length_min = 1, .length_max = 200})},
  };
}

Json page_answer(std::string_view description, Json item, Members more) {
  Members members = {
      {"data", list("The rows of this page.", std::move(item))},
      {"next_cursor", nullable(text("Give it back as `cursor` for the next page; null on the last one."))},
  };
  for (auto& member : more) members.push_back(std::move(member));
  return answer(members, {}, description);
}

}  // namespace weir::tools::parameters

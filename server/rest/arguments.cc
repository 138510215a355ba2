#include "server/rest/arguments.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"

namespace weir::rest {
namespace {

Error wrong(const std::string& field, const std::string& problem) {
  const std::string safe = printable(field, 60);
  return Error(ErrorCode::validation_failed, safe + " " + problem + ".").with_field(safe, problem);
}

bool has_type(const Json& schema, std::string_view wanted) {
  const Json* type = find_member(schema, "type");
  if (type == nullptr) return false;
  if (type->is_string()) return *type == wanted;
  return std::any_of(type->begin(), type->end(), [&](const Json& one) { return one == wanted; });
}

// The text as the type that the schema wants; text that is no such value stays text, and the schema's check says so.
Json typed(const std::string& text, const Json& schema) {
  if (has_type(schema, "string")) return text;
  if (has_type(schema, "integer")) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  if (has_type(schema, "boolean")) {
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
  }
  return text;
}

void add_items(Json& list, std::string_view text, const Json& items) {
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    if (!item.empty()) list.push_back(typed(std::string(item), items));
    if (comma == std::string_view::npos) return;
    text.remove_prefix(comma + 1);
  }
}

Result<Json> query_arguments(const http::Request& request, const Json& properties) {
  Json arguments = Json::object();
  for (const auto& [name, value] : request.query) {
    const Json* schema = find_member(properties, name);
    if (schema != nullptr && has_type(*schema, "array")) {
      const Json* items = find_member(*schema, "items");
      if (!arguments.contains(name)) arguments[name] = Json::array();
      add_items(arguments[name], value, items == nullptr ? Json::object() : *items);
      continue;
    }
    if (arguments.contains(name)) return wrong(name, "is given twice in the query; expected one value");
    arguments[name] = schema == nullptr ? Json(value) : typed(value, *schema);
  }
  return arguments;
}

bool is_json_type(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return type == "application/json" || (type.starts_with("application/") && type.ends_with("+json"));
}

Result<Json> body_arguments(const http::Request& request) {
  if (request.body.empty()) return Json::object();
  const std::string_view content_type = request.headers.find("Content-Type").value_or("");
  if (!is_json_type(content_type)) {
    return Error(ErrorCode::unsupported_media_type,
                 "The body has " +
                     (content_type.empty() ? std::string("no Content-Type")
                                           : "Content-Type \"" + printable(content_type, 60) + "\"") +
                     "; send JSON with Content-Type: application/json.");
  }
  Result<Json> body = parse_json(request.body);
  if (!body) return body;
  if (!body->is_object()) {
    return Error(ErrorCode::bad_request, "The body is a JSON " + std::string(json_type(*body)) +
                                             "; send an object with the arguments by name.");
  }
  return body;
}

}  // namespace

Result<Json> arguments_of(const http::Request& request, const Route& route, const PathParameters& parameters) {
  Result<Json> arguments = body_arguments(request);
  if (!arguments) return arguments;
  const Json* properties = route.tool == nullptr ? nullptr : find_member(route.tool->input_schema, "properties");
  Result<Json> query = query_arguments(request, properties == nullptr ? Json::object() : *properties);
  if (!query) return query;
  for (auto& [name, value] : query->items()) {
    if (arguments->contains(name))
      return wrong(name, "is given in the query and in the body; expected it in one of them");
    (*arguments)[name] = std::move(value);
  }
  for (const auto& [name, value] : parameters) {
    if (arguments->contains(name) && (*arguments)[name] != value) {
      return wrong(name, "is given in the path; leave it out of the query and the body");
    }
    (*arguments)[name] = value;
  }
  return arguments;
}

}  // namespace weir::rest

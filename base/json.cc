#include "base/json.h"

#include "base/log.h"

template class nlohmann::basic_json<>;

namespace weir {
namespace {

// The deepest nesting of `text`, counted without building anything: the parser is iterative, but what it
// builds is destroyed and copied by recursion.
bool is_deeper_than(std::string_view text, std::size_t depth_max) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..." without the library's
// name and without the bytes that it quotes.
std::string parse_complaint(std::string_view what) {
  const std::size_t at = what.find("parse error");
  std::string_view text = at == std::string_view::npos ? what : what.substr(at);
  text = text.substr(0, text.find("; last read"));
  return printable(text);
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::size_t depth_max) {
  if (is_deeper_than(text, depth_max)) {
    return Error(ErrorCode::bad_request,
                 "The JSON nests deeper than " + std::to_string(depth_max) + " levels. Send a flatter document.");
  }
  try {
    return Json::parse(text);
  } catch (const Json::exception& exception) {
    return Error(ErrorCode::bad_request, "The body is not valid JSON: " + parse_complaint(exception.what()) + ".");
  }
}

std::string to_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string to_pretty_text(const Json& value) { return value.dump(2, ' ', false, Json::error_handler_t::replace); }

std::string_view json_type(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::object: return "object";
    case Json::value_t::array: return "array";
    case Json::value_t::string: return "string";
    case Json::value_t::boolean: return "boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: return "integer";
    case Json::value_t::number_float: return "number";
    case Json::value_t::binary:
    case Json::value_t::discarded: break;
  }
  return "unknown";
}

const Json* find_member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::string> string_member(const Json& object, std::string_view name) {
  const Json* member = find_member(object, name);
  if (member == nullptr || !member->is_string()) return std::nullopt;
  return member->get_ref<const std::string&>();
}

std::optional<std::int64_t> integer_member(const Json& object, std::string_view name) {
  const Json* member = find_member(object, name);
  if (member == nullptr || !member->is_number_integer()) return std::nullopt;
  return member->get<std::int64_t>();
}

std::optional<bool> bool_member(const Json& object, std::string_view name) {
  const Json* member = find_member(object, name);
  if (member == nullptr || !member->is_boolean()) return std::nullopt;
  return member->get<bool>();
}

std::string string_or(const Json& object, std::string_view name, std::string_view fallback) {
  const Json* member = find_member(object, name);
  return member != nullptr && member->is_string() ? member->get<std::string>() : std::string(fallback);
}

std::int64_t integer_or(const Json& object, std::string_view name, std::int64_t fallback) {
  return integer_member(object, name).value_or(fallback);
}

bool bool_or(const Json& object, std::string_view name, bool fallback) {
  return bool_member(object, name).value_or(fallback);
}

}  // namespace weir

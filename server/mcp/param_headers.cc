#include "server/mcp/param_headers.h"

#include <charconv>
#include <cmath>

#include "base/log.h"
#include "server/mcp/envelope.h"

namespace weir::mcp {

namespace {

constexpr std::string_view kPrefix = "Mcp-Param-";
// Beyond this, schemas are not followed: none of ours nests further.
constexpr int kDepthMax = 8;

RpcError mismatch(std::string text) {
  return {code::kHeaderMismatch, "Header mismatch: " + std::move(text), nullptr, 400};
}

// "42.0" is 42: integers are compared as numbers.
bool is_same_number(const std::string& text, const Json& argument) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value) &&
         value == argument.get<double>();
}

bool says_the_same(const std::string& text, const Json& argument) {
  if (argument.is_string()) return text == argument.get_ref<const std::string&>();
  if (argument.is_boolean()) return text == (argument.get<bool>() ? "true" : "false");
  return argument.is_number() && is_same_number(text, argument);
}

std::optional<RpcError> check_one(const std::string& name, const Json* argument, const http::Headers& headers) {
  const std::string header = std::string(kPrefix) + name;
  const auto value = headers.find(header);
  const bool has_argument = argument != nullptr && !argument->is_null();
  if (!value && !has_argument) return std::nullopt;
  if (!value) return mismatch("the header " + header + " is missing");
  if (headers.count(header) > 1) return mismatch(header + " is given more than once");
  if (!has_argument) return mismatch(header + " is given but its argument is not");
  const auto decoded = decode_header_value(*value);
  if (!decoded) return mismatch(header + " is \"" + printable(*value, 80) + "\", which is no valid base64");
  if (says_the_same(*decoded, *argument)) return std::nullopt;
  return mismatch(header + " is \"" + printable(*decoded, 80) + "\" but the argument is " +
                  printable(to_text(*argument), 80));
}

std::optional<RpcError> check_properties(const Json& schema, const Json* arguments, const http::Headers& headers,
                                         int depth) {
  const Json* properties = find_member(schema, "properties");
  if (properties == nullptr || depth > kDepthMax) return std::nullopt;
  for (const auto& [name, property] : properties->items()) {
    const Json* argument = arguments == nullptr ? nullptr : find_member(*arguments, name);
    if (const auto header = string_member(property, "x-mcp-header")) {
      if (auto wrong = check_one(*header, argument, headers)) return wrong;
    }
    if (auto wrong = check_properties(property, argument, headers, depth + 1)) return wrong;
  }
  return std::nullopt;
}

}  // namespace

std::optional<RpcError> check_param_headers(const Json& input_schema, const Json& arguments,
                                            const http::Headers& headers) {
  return check_properties(input_schema, &arguments, headers, 0);
}

}  // namespace weir::mcp

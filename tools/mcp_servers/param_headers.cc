#include "tools/mcp_servers/param_headers.h"

#include <algorithm>
#include <set>

#include "base/hmac.h"
#include "base/log.h"

namespace weir::tools::mcp_servers {
namespace {

constexpr std::string_view kMark = "x-mcp-header";
constexpr std::string_view kPrefix = "Mcp-Param-";
constexpr std::size_t kDepthMax = 8;

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Walks the properties of a schema. Not thread-safe: owned by param_headers().
class Walk {
 public:
  Result<void> into(const Json& schema, std::vector<std::string>& path) {
    const Json* const properties = find_member(schema, "properties");
    if (properties == nullptr || !properties->is_object() || path.size() >= kDepthMax) return {};
    for (const auto& [name, property] : properties->items()) {
      path.push_back(name);
      if (auto done = at(property, path); !done) return done;
      path.pop_back();
    }
    return {};
  }
  ParamHeaders take() { return std::move(found_); }

 private:
  Result<void> at(const Json& property, std::vector<std::string>& path) {
    const Json* const mark = find_member(property, kMark);
    if (mark == nullptr) return into(property, path);
    const auto wrong = [&](const std::string& why) {
      return Error(ErrorCode::validation_failed,
                   "its input marks " + printable(path.back(), 80) + " with x-mcp-header, but " + why);
    };
    if (!mark->is_string() || !is_token(mark->get<std::string>())) return wrong("that is no name of a header");
    const std::string type = string_or(property, "type", "");
    if (type != "string" && type != "integer" && type != "boolean") {
      return wrong("it is no text, whole number or truth value");
    }
    std::string header = std::string(kPrefix) + mark->get<std::string>();
    if (!names_.insert(in_lower_case(header)).second) return wrong("another property has the same header");
    if (found_.size() == kParamHeadersMax) return wrong("there are more than " + std::to_string(kParamHeadersMax));
    found_.push_back({path, std::move(header)});
    return {};
  }

  std::set<std::string> names_;
  ParamHeaders found_;
};

}  // namespace

Result<ParamHeaders> param_headers(const Json& input_schema) {
  Walk walk;
  std::vector<std::string> path;
  if (auto done = walk.into(input_schema, path); !done) return std::move(done).error();
  return walk.take();
}

std::string header_value(std::string_view text) {
  const bool is_plain = !text.empty() && text.front() != ' ' && text.back() != ' ' && !text.starts_with("=?base64?") &&
                        std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c < 0x7F; });
  return is_plain ? std::string(text) : "=?base64?" + to_base64(text) + "?=";
}

std::vector<std::pair<std::string, std::string>> header_lines(const ParamHeaders& headers, const Json& arguments) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const ParamHeader& each : headers) {
    const Json* value = &arguments;
    for (const std::string& name : each.path) value = value == nullptr ? nullptr : find_member(*value, name);
    if (value == nullptr || value->is_null()) continue;
    lines.emplace_back(each.header, header_value(value->is_string() ? value->get<std::string>() : to_text(*value)));
  }
  return lines;
}

}  // namespace weir::tools::mcp_servers

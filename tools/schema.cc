#include "tools/schema.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

// Otherwise valijson prints and aborts where it cannot go on.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "base/log.h"
#include "tools/near_match.h"

namespace weir::tools {
namespace {

constexpr std::size_t kShownBytesMax = 60;
// libstdc++ matches a regular expression by recursion: longer texts would exhaust the stack, so they are refused first.
constexpr std::size_t kPatternTextBytesMax = 2'000;

using Violations = std::vector<FieldError>;

std::string shown(const Json& value) {
  if (value.is_string()) return "\"" + printable(value.get_ref<const std::string&>(), kShownBytesMax) + "\"";
  if (value.is_array()) return "an array of " + std::to_string(value.size());
  if (value.is_object()) return "an object";
  return printable(to_text(value), kShownBytesMax);
}

// Characters, as JSON Schema counts them, not bytes.
std::size_t length_of(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string with_article(std::string_view type) {
  if (type == "null") return "null";
  const bool is_vowel = type == "integer" || type == "array" || type == "object";
  return (is_vowel ? "an " : "a ") + std::string(type);
}

std::vector<std::string> types_of(const Json& schema) {
  const Json* type = find_member(schema, "type");
  if (type == nullptr) return {};
  if (type->is_string()) return {type->get<std::string>()};
  std::vector<std::string> types;
  for (const Json& one : *type) {
    if (one.is_string()) types.push_back(one.get<std::string>());
  }
  return types;
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "number") return value.is_number();
  if (type == "integer" && value.is_number_float()) {
    const double number = value.get<double>();
    return std::isfinite(number) && std::floor(number) == number;
  }
  return json_type(value) == type;
}

std::vector<std::string> enum_texts(const Json& values) {
  std::vector<std::string> texts;
  for (const Json& value : values) texts.push_back(value.is_string() ? value.get<std::string>() : to_text(value));
  return texts;
}

std::string number_text(const Json& number) { return to_text(number); }

// "an integer from 1 to 100", "one of passive, quick, full", "a string of at most 20 characters"
std::string expectation(const Json& schema) {
  if (const Json* values = find_member(schema, "enum")) return "one of " + listed(enum_texts(*values));
  if (const Json* value = find_member(schema, "const")) return shown(*value);
  std::string text;
  for (const std::string& type : types_of(schema)) text += (text.empty() ? "" : " or ") + with_article(type);
  if (text.empty()) text = "another value";
  const Json* minimum = find_member(schema, "minimum");
  const Json* maximum = find_member(schema, "maximum");
  if (minimum != nullptr && maximum != nullptr)
    text += " from " + number_text(*minimum) + " to " + number_text(*maximum);
  else if (minimum != nullptr)
    text += " of at least " + number_text(*minimum);
  else if (maximum != nullptr)
    text += " of at most " + number_text(*maximum);
  const Json* shortest = find_member(schema, "minLength");
  const Json* longest = find_member(schema, "maxLength");
  if (shortest != nullptr && longest != nullptr)
    text += " of " + number_text(*shortest) + " to " + number_text(*longest) + " characters";
  else if (shortest != nullptr)
    text += " of at least " + number_text(*shortest) + " characters";
  else if (longest != nullptr)
    text += " of at most " + number_text(*longest) + " characters";
  return text;
}

// Finds the words for what valijson refused: the keywords that our schemas use, in the order in which a person would
// ask.
class Explanation {
 public:
  explicit Explanation(Violations& violations) : violations_(violations) {}

  void walk(const std::string& path, const Json& schema, const Json& value) {
    if (violations_.size() >= Schema::kErrorsMax) return;
    const std::vector<std::string> types = types_of(schema);
    const bool is_of_type = types.empty() || std::any_of(types.begin(), types.end(), [&](const std::string& type) {
                              return has_type(value, type);
                            });
    if (!is_of_type) return add(path, "is " + shown_with_type(value) + "; expected " + expectation(schema));
    if (const Json* values = find_member(schema, "enum")) {
      if (std::find(values->begin(), values->end(), value) == values->end()) return add_enum(path, *values, value);
    }
    if (const Json* constant = find_member(schema, "const"); constant != nullptr && *constant != value) {
      return add(path, "is " + shown(value) + "; expected " + shown(*constant));
    }
    if (value.is_number()) walk_number(path, schema, value);
    if (value.is_string()) walk_string(path, schema, value.get_ref<const std::string&>());
    if (value.is_array()) walk_array(path, schema, value);
    if (value.is_object()) walk_object(path, schema, value);
  }

 private:
  static std::string shown_with_type(const Json& value) {
    if (value.is_string()) return "the string " + shown(value);
    if (value.is_number()) return "the number " + shown(value);
    return shown(value);
  }

  void add(const std::string& path, std::string message) {
    if (violations_.size() < Schema::kErrorsMax) violations_.push_back({path, std::move(message)});
  }

  void add_enum(const std::string& path, const Json& values, const Json& value) {
    const std::vector<std::string> texts = enum_texts(values);
    std::string message = "is " + shown(value) + "; expected one of " + listed(texts);
    if (value.is_string()) {
      const std::string near = nearest(value.get<std::string>(), texts);
      if (!near.empty() && texts.size() > 5) message += " (did you mean " + near + "?)";
    }
    add(path, std::move(message));
  }

  void walk_number(const std::string& path, const Json& schema, const Json& value) {
    const Json* minimum = find_member(schema, "minimum");
    const Json* maximum = find_member(schema, "maximum");
    if ((minimum != nullptr && value < *minimum) || (maximum != nullptr && value > *maximum)) {
      add(path, "is " + shown(value) + "; expected " + expectation(schema));
    }
  }

  void walk_string(const std::string& path, const Json& schema, const std::string& value) {
    const std::size_t length = length_of(value);
    const std::int64_t shortest = integer_or(schema, "minLength", 0);
    const std::int64_t longest = integer_or(schema, "maxLength", -1);
    if (length < static_cast<std::size_t>(shortest)) {
      return add(path, (value.empty() ? std::string("is empty") : "has " + std::to_string(length) + " characters") +
                           "; expected " + expectation(schema));
    }
    if (longest >= 0 && length > static_cast<std::size_t>(longest)) {
      return add(path, "has " + std::to_string(length) + " characters, starting with " + shown(value) + "; expected " +
                           expectation(schema));
    }
    const Json* pattern = find_member(schema, "pattern");
    if (pattern == nullptr || !pattern->is_string()) return;
    if (value.size() > kPatternTextBytesMax) {
      return add(path, "has " + std::to_string(value.size()) + " bytes; expected at most " +
                           std::to_string(kPatternTextBytesMax));
    }
    bool is_match = false;
    try {
      is_match = std::regex_search(value, std::regex(pattern->get<std::string>()));
    } catch (const std::regex_error& error) {
      log::error("schema.pattern", {{"pattern", *pattern}, {"cause", error.what()}});
    }
    if (is_match) return;
    const std::string description = string_or(schema, "description", "");
    add(path, "is " + shown(Json(value)) + "; expected text that matches " + pattern->get<std::string>() +
                  (description.empty() ? "" : " (" + description + ")"));
  }

  void walk_array(const std::string& path, const Json& schema, const Json& value) {
    const std::int64_t fewest = integer_or(schema, "minItems", 0);
    const std::int64_t most = integer_or(schema, "maxItems", -1);
    if (value.size() < static_cast<std::size_t>(fewest)) {
      add(path, "has " + std::to_string(value.size()) + " items; expected at least " + std::to_string(fewest));
    }
    if (most >= 0 && value.size() > static_cast<std::size_t>(most)) {
      return add(path, "has " + std::to_string(value.size()) + " items; expected at most " + std::to_string(most));
    }
    if (bool_or(schema, "uniqueItems", false)) walk_unique(path, value);
    const Json* items = find_member(schema, "items");
    if (items == nullptr || !items->is_object()) return;
    for (std::size_t i = 0; i < value.size(); ++i) walk(path + "[" + std::to_string(i) + "]", *items, value[i]);
  }

  void walk_unique(const std::string& path, const Json& value) {
    for (std::size_t i = 1; i < value.size(); ++i) {
      const auto end = value.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::find(value.begin(), end, value[i]) == end) continue;
      return add(path + "[" + std::to_string(i) + "]", "is " + shown(value[i]) + " again; expected each value once");
    }
  }

  void walk_object(const std::string& path, const Json& schema, const Json& value) {
    const Json* properties = find_member(schema, "properties");
    const auto member_path = [&](const std::string& name) {
      const std::string safe = printable(name, kShownBytesMax);
      return path.empty() ? safe : path + "." + safe;
    };
    if (const Json* required = find_member(schema, "required")) {
      for (const Json& name : *required) {
        const std::string key = name.get<std::string>();
        if (value.contains(key)) continue;
        const Json* member = properties == nullptr ? nullptr : find_member(*properties, key);
        add(member_path(key), "is missing; expected " + (member == nullptr ? "a value" : expectation(*member)));
      }
    }
    const Json* more = find_member(schema, "additionalProperties");
    for (const auto& [name, member] : value.items()) {
      const Json* member_schema = properties == nullptr ? nullptr : find_member(*properties, name);
      if (member_schema != nullptr) {
        walk(member_path(name), *member_schema, member);
      } else if (more != nullptr && more->is_boolean() && !more->get<bool>()) {
        add_unknown(member_path(name), name, properties);
      } else if (more != nullptr && more->is_object()) {
        walk(member_path(name), *more, member);
      }
    }
  }

  void add_unknown(const std::string& path, const std::string& name, const Json* properties) {
    std::vector<std::string> known;
    if (properties != nullptr) {
      for (const auto& [key, ignored] : properties->items()) known.push_back(key);
    }
    if (known.empty()) return add(path, "is not known; expected no arguments at all");
    const std::string near = nearest(name, known);
    add(path, "is not known" + (near.empty() ? std::string() : "; did you mean " + near + "?") +
                  (near.empty() ? "; expected one of " : " Known: ") + listed(known));
  }

  Violations& violations_;
};

// "<root>", "[scope_hosts]", "[2]" -> "scope_hosts[2]"
std::string path_of(const std::vector<std::string>& context) {
  std::string path;
  for (std::size_t i = 1; i < context.size(); ++i) {
    std::string_view part = context[i];
    if (part.size() >= 2 && part.front() == '[') part = part.substr(1, part.size() - 2);
    const bool is_index =
        !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (is_index)
      path += "[" + std::string(part) + "]";
    else
      path += (path.empty() ? "" : ".") + printable(part, kShownBytesMax);
  }
  return path;
}

// True if some string of `value` is longer than a regular expression may be run on.
bool holds_long_text(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size() > kPatternTextBytesMax;
  if (!value.is_structured()) return false;
  return std::any_of(value.begin(), value.end(), [](const Json& member) { return holds_long_text(member); });
}

bool holds_pattern(const Json& schema) {
  if (!schema.is_structured()) return false;
  if (schema.is_object() && schema.contains("pattern") && schema["pattern"].is_string()) return true;
  return std::any_of(schema.begin(), schema.end(), [](const Json& member) { return holds_pattern(member); });
}

}  // namespace

struct Schema::State {
  Json text;
  valijson::Schema compiled;
  bool has_pattern = false;
};

Schema::Schema(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<Schema> Schema::compile(const Json& schema) {
  auto state = std::make_unique<State>();
  state->text = schema;
  state->has_pattern = holds_pattern(schema);
  std::string cause = schema.is_object() ? "" : "it is " + with_article(json_type(schema)) + ", and not an object";
  try {
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    if (cause.empty()) parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(state->text), state->compiled);
  } catch (const std::exception& error) {
    cause = error.what();
  }
  if (!cause.empty()) return Error(ErrorCode::validation_failed, "is no JSON Schema: " + printable(cause));
  return Schema(std::move(state));
}

Schema::Schema(const Json& schema) {
  Result<Schema> compiled = compile(schema);
  if (!compiled) log::error("schema.refused", {{"cause", compiled.error().message}, {"schema", schema}});
  CHECK(compiled.has_value(), "a schema of the tool table compiles");
  state_ = std::move(compiled->state_);
}

Schema::~Schema() = default;
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;

std::vector<FieldError> Schema::violations(const Json& value) const {
  Violations violations;
  if (state_->has_pattern && holds_long_text(value)) {
    Explanation(violations).walk("", state_->text, value);
    if (!violations.empty()) return violations;
    return {
        {"", "holds a text of more than " + std::to_string(kPatternTextBytesMax) + " bytes; expected shorter ones"}};
  }
  valijson::ValidationResults results;
  try {
    const valijson::adapters::NlohmannJsonAdapter adapter(value);
    // One validator per call: it caches regular expressions without a lock.
    if (valijson::Validator().validate(state_->compiled, adapter, nullptr)) return {};
    Explanation(violations).walk("", state_->text, value);
    if (!violations.empty()) return violations;
    valijson::Validator().validate(state_->compiled, adapter, &results);
  } catch (const std::exception& error) {
    log::error("schema.validation", {{"cause", error.what()}});
    return {{"", "could not be checked; expected arguments as the schema describes them"}};
  }
  for (const valijson::ValidationResults::Error& error : results) {
    if (violations.size() >= kErrorsMax) break;
    violations.push_back({path_of(error.context), "is not as expected: " + printable(error.description)});
  }
  if (violations.empty()) violations.push_back({"", "is not as the schema describes it"});
  return violations;
}

Json Schema::with_defaults(Json value) const {
  const Json* properties = find_member(state_->text, "properties");
  if (!value.is_object() || properties == nullptr) return value;
  for (const auto& [name, schema] : properties->items()) {
    if (value.contains(name)) continue;
    if (const Json* fallback = find_member(schema, "default")) value[name] = *fallback;
  }
  return value;
}

}  // namespace weir::tools

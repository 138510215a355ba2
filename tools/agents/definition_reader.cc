#include "tools/agents/definition_reader.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "tools/near_match.h"

namespace weir::tools::agents {
namespace {

constexpr std::size_t kShownBytesMax = 60;
// So many mistakes are in the message; all that are kept are in the fields.
constexpr std::size_t kToldMax = 3;

}  // namespace

void Mistakes::add(std::string path, std::string problem) {
  if (fields_.size() >= kKeptMax) {
    ++dropped_;
    return;
  }
  fields_.push_back({std::move(path), std::move(problem)});
}

Error Mistakes::error(std::string_view what) const {
  std::string message = "There is a mistake in " + std::string(what) + ": ";
  if (count() > 1) message = "There are " + std::to_string(count()) + " mistakes in " + std::string(what) + ": ";
  for (std::size_t i = 0; i < fields_.size() && i < kToldMax; ++i) {
    message += (i == 0 ? "" : "; ") + fields_[i].field + " " + fields_[i].message;
  }
  Error error(ErrorCode::validation_failed, message + (count() > kToldMax ? "; and more." : "."));
  error.fields = fields_;
  return error;
}

std::string shown(const Json& value) {
  if (value.is_string()) return "the string \"" + printable(value.get_ref<const std::string&>(), kShownBytesMax) + "\"";
  if (value.is_array()) return "an array of " + std::to_string(value.size());
  if (value.is_object()) return "an object";
  if (value.is_number()) return "the number " + printable(to_text(value), kShownBytesMax);
  return printable(to_text(value), kShownBytesMax);
}

std::string suggestion(std::string_view name, const std::vector<std::string>& known) {
  const std::string near = nearest(name, known);
  return near.empty() ? std::string() : "; did you mean " + near + "?";
}

std::string joined(std::string_view path, std::string_view member) {
  const std::string safe = printable(member, kShownBytesMax);
  return path.empty() ? safe : std::string(path) + "." + safe;
}

std::string at_index(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

MemberReader::MemberReader(const Json& json, std::string path, const std::vector<std::string>& known,
                           Mistakes& mistakes)
    : json_(json), path_(std::move(path)), mistakes_(mistakes) {
  if (!json.is_object()) {
    mistakes_.add(path_, "is " + shown(json) + "; expected an object");
    return;
  }
  for (const auto& [name, value] : json.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = suggestion(name, known);
    mistakes_.add(path_of(name),
                  "is not known" + near + (near.empty() ? "; expected one of " : " Known: ") + listed(known));
  }
}

const Json* MemberReader::find(std::string_view member) const {
  const Json* value = find_member(json_, member);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<std::string> MemberReader::text(std::string_view member, std::size_t bytes_max) {
  const Json* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    wrong(member, "is " + shown(*value) + "; expected a text");
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > bytes_max) {
    wrong(member, "has " + std::to_string(text.size()) + " bytes; expected at most " + std::to_string(bytes_max));
    return std::nullopt;
  }
  return text;
}

std::optional<std::int64_t> MemberReader::integer(std::string_view member, Range range) {
  const Json* value = find(member);
  if (value == nullptr) return std::nullopt;
  const std::string expected =
      "; expected an integer from " + std::to_string(range.minimum) + " to " + std::to_string(range.maximum);
  // As a double first: what is larger than an int64 must not wrap.
  const bool is_whole = value->is_number() && std::isfinite(value->get<double>()) &&
                        std::floor(value->get<double>()) == value->get<double>();
  if (!is_whole || value->get<double>() < static_cast<double>(range.minimum) ||
      value->get<double>() > static_cast<double>(range.maximum)) {
    wrong(member, "is " + shown(*value) + expected);
    return std::nullopt;
  }
  return value->get<std::int64_t>();
}

std::optional<double> MemberReader::number(std::string_view member, double minimum, double maximum) {
  const Json* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !(value->get<double>() >= minimum) || !(value->get<double>() <= maximum)) {
    wrong(member, "is " + shown(*value) + "; expected a number from " + to_text(minimum) + " to " + to_text(maximum));
    return std::nullopt;
  }
  return value->get<double>();
}

std::optional<std::string> MemberReader::one_of(std::string_view member, const std::vector<std::string>& values) {
  const Json* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string() || std::find(values.begin(), values.end(), value->get<std::string>()) == values.end()) {
    const std::string near = value->is_string() ? suggestion(value->get<std::string>(), values) : "";
    wrong(member,
          "is " + shown(*value) + near + (near.empty() ? "; expected" : " Expected") + " one of " + listed(values));
    return std::nullopt;
  }
  return value->get<std::string>();
}

const Json* MemberReader::list(std::string_view member, std::size_t items_max) {
  const Json* value = find(member);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) {
    wrong(member, "is " + shown(*value) + "; expected an array");
    return nullptr;
  }
  if (value->size() > items_max) {
    wrong(member, "has " + std::to_string(value->size()) + " items; expected at most " + std::to_string(items_max));
    return nullptr;
  }
  return value;
}

const Json* MemberReader::object(std::string_view member) {
  const Json* value = find(member);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) {
    wrong(member, "is " + shown(*value) + "; expected an object");
    return nullptr;
  }
  return value;
}

void MemberReader::missing(std::string_view member, std::string_view expected) {
  wrong(member, "is missing; expected " + std::string(expected));
}

}  // namespace weir::tools::agents

#include "tools/runs/playbook/expression_functions.h"

#include <algorithm>
#include <array>

#include "tools/runs/playbook/relative_path.h"
#include "tools/scans/report/markdown_text.h"

namespace weir::tools::runs {
namespace {

using Arguments = std::span<const Json* const>;

// Lists that functions build may hold lists again, but not without end.
constexpr std::size_t kBuiltBytesMax = 4 * kExpressionValueBytesMax;

Error wrong(std::string_view function, std::string_view wanted, const Json& got) {
  return Error(ErrorCode::validation_failed, std::string(function) + " wants " + std::string(wanted) + ", not " +
                                                 std::string(got.is_null() ? "" : "a value of type ") +
                                                 std::string(json_type(got)));
}

Error too_large() {
  return Error(ErrorCode::payload_too_large, "the value is larger than " + std::to_string(kExpressionValueBytesMax) +
                                                 " bytes: ask the tools for less");
}

// Characters, not bytes: every byte of UTF-8 that does not go on with one.
std::int64_t characters(const std::string& text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

Result<Json> call_len(Arguments arguments, EvaluationMeter&) {
  const Json& value = *arguments[0];
  if (value.is_string()) return Json(characters(value.get_ref<const std::string&>()));
  if (!value.is_structured()) return wrong("len", "a list, an object or a text", value);
  return Json(static_cast<std::int64_t>(value.size()));
}

Result<Json> call_contains(Arguments arguments, EvaluationMeter& meter) {
  auto is_inside = is_within(*arguments[1], *arguments[0], meter, "contains");
  if (!is_inside) return std::move(is_inside).error();
  return Json(*is_inside);
}

Result<Json> call_severity_at_least(Arguments arguments, EvaluationMeter&) {
  constexpr std::array<std::string_view, 5> kSeverities = {"info", "low", "medium", "high", "critical"};
  std::array<std::ptrdiff_t, 2> ranks{};
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (!arguments[i]->is_string()) return wrong("severity_at_least", "two severities", *arguments[i]);
    const auto& word = arguments[i]->get_ref<const std::string&>();
    const auto* const found = std::ranges::find(kSeverities, word);
    if (found == kSeverities.end()) {
      return Error(
          ErrorCode::validation_failed,
          "severity_at_least: \"" + word + "\" is no severity; there are info, low, medium, high and critical");
    }
    ranks[i] = found - kSeverities.begin();
  }
  return Json(ranks[0] >= ranks[1]);
}

Result<Json> call_join(Arguments arguments, EvaluationMeter& meter) {
  if (!arguments[0]->is_array()) return wrong("join", "a list first", *arguments[0]);
  if (!arguments[1]->is_string()) return wrong("join", "a text as separator", *arguments[1]);
  const auto& separator = arguments[1]->get_ref<const std::string&>();
  std::string text;
  for (const Json& element : *arguments[0]) {
    if (auto looked = meter.look_into(element); !looked) return std::move(looked).error();
    if (&element != &arguments[0]->front()) text += separator;
    text += text_of(element);
    if (text.size() > kExpressionValueBytesMax) return too_large();
  }
  return Json(std::move(text));
}

Result<RelativePath> path_argument(std::string_view function, const Json& argument) {
  if (!argument.is_string()) return wrong(function, "a member's name in quotes", argument);
  return RelativePath::parse(argument.get_ref<const std::string&>());
}

Result<Json> call_pluck(Arguments arguments, EvaluationMeter& meter) {
  if (!arguments[0]->is_array()) return wrong("pluck", "a list first", *arguments[0]);
  auto path = path_argument("pluck", *arguments[1]);
  if (!path) return std::move(path).error();
  Json values = Json::array();
  std::size_t bytes = 0;
  for (const Json& element : *arguments[0]) {
    if (auto looked = meter.look(); !looked) return std::move(looked).error();
    if (element.is_null()) continue;
    const Json* const value = path->find(element);
    if (value == nullptr) {
      const auto position = static_cast<std::size_t>(&element - &arguments[0]->front());
      return Error(ErrorCode::not_found,
                   "pluck: the element at " + std::to_string(position) + " has no \"" + path->text() + "\"")
          .with_field(path->text(), "is not there");
    }
    bytes += json_bytes(*value, kBuiltBytesMax);
    if (bytes > kBuiltBytesMax) return too_large();
    values.push_back(*value);
  }
  return values;
}

Result<Json> call_filter(Arguments arguments, EvaluationMeter& meter) {
  if (!arguments[0]->is_array()) return wrong("filter", "a list first", *arguments[0]);
  auto path = path_argument("filter", *arguments[1]);
  if (!path) return std::move(path).error();
  Json kept = Json::array();
  std::size_t bytes = 0;
  for (const Json& element : *arguments[0]) {
    if (auto looked = meter.look(); !looked) return std::move(looked).error();
    const Json* const value = path->find(element);
    if (value == nullptr) continue;
    auto is_equal = are_equal(*value, *arguments[2], meter);
    if (!is_equal) return std::move(is_equal).error();
    if (!*is_equal) continue;
    bytes += json_bytes(element, kBuiltBytesMax);
    if (bytes > kBuiltBytesMax) return too_large();
    kept.push_back(element);
  }
  return kept;
}

Result<Json> call_flatten(Arguments arguments, EvaluationMeter& meter) {
  if (!arguments[0]->is_array()) return wrong("flatten", "a list", *arguments[0]);
  Json flat = Json::array();
  std::size_t bytes = 0;
  for (const Json& element : *arguments[0]) {
    if (auto looked = meter.look(element.is_array() ? 1 + static_cast<std::int64_t>(element.size()) : 1); !looked) {
      return std::move(looked).error();
    }
    bytes += json_bytes(element, kBuiltBytesMax);
    if (bytes > kBuiltBytesMax) return too_large();
    if (element.is_array()) {
      flat.insert(flat.end(), element.begin(), element.end());
    } else if (!element.is_null()) {
      flat.push_back(element);
    }
  }
  return flat;
}

Result<Json> call_zip(Arguments arguments, EvaluationMeter& meter) {
  for (const Json* const list : arguments) {
    if (!list->is_array()) return wrong("zip", "two lists", *list);
  }
  const Json& left = *arguments[0];
  const Json& right = *arguments[1];
  if (left.size() != right.size()) {
    return Error(ErrorCode::validation_failed, "zip wants two lists of one length, not of " +
                                                   std::to_string(left.size()) + " and " +
                                                   std::to_string(right.size()));
  }
  Json pairs = Json::array();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (auto looked = meter.look(); !looked) return std::move(looked).error();
    bytes += json_bytes(left[i], kBuiltBytesMax) + json_bytes(right[i], kBuiltBytesMax);
    if (bytes > kBuiltBytesMax) return too_large();
    pairs.push_back(Json::array({left[i], right[i]}));
  }
  return pairs;
}

Result<Json> call_rows(Arguments arguments, EvaluationMeter& meter) {
  if (!arguments[0]->is_array()) return wrong("rows", "a list first", *arguments[0]);
  std::vector<RelativePath> columns;
  for (const Json* const argument : arguments.subspan(1)) {
    auto path = path_argument("rows", *argument);
    if (!path) return std::move(path).error();
    columns.push_back(*std::move(path));
  }
  std::string text;
  for (const Json& element : *arguments[0]) {
    if (auto looked = meter.look(); !looked) return std::move(looked).error();
    text += text.empty() ? "|" : "\n|";
    for (const RelativePath& column : columns) {
      const Json* const value = column.find(element);
      text += value == nullptr || value->is_null() ? " - |" : " " + scans::markdown_escaped(text_of(*value)) + " |";
    }
    if (text.size() > kExpressionValueBytesMax) return too_large();
  }
  return Json(std::move(text));
}

// Columns of a table that people still read.
constexpr std::size_t kColumnsMax = 16;

const std::array kFunctions = {
    FunctionRow{"len", 1, 1, {"len(value)", "how many elements, members or characters"}, call_len},
    FunctionRow{"contains",
                2,
                2,
                {"contains(value, part)", "`part in value`: of a list, a text or an object's names"},
                call_contains},
    FunctionRow{
        "default", 2, 2, {"default(value, otherwise)", "`otherwise` where the value is not there or null"}, nullptr},
    FunctionRow{"severity_at_least",
                2,
                2,
                {"severity_at_least(severity, least)", "of info, low, medium, high and critical"},
                call_severity_at_least},
    FunctionRow{
        "join", 2, 2, {"join(list, separator)", "one text; what is no text stands in it as compact JSON"}, call_join},
    FunctionRow{
        "pluck", 2, 2, {"pluck(list, 'path')", "that member of each element; null elements are left out"}, call_pluck},
    FunctionRow{
        "filter", 3, 3, {"filter(list, 'path', value)", "the elements whose member equals the value"}, call_filter},
    FunctionRow{
        "flatten", 1, 1, {"flatten(list)", "one level of lists less; null elements are left out"}, call_flatten},
    FunctionRow{"zip", 2, 2, {"zip(left, right)", "pairs of two lists of one length"}, call_zip},
    FunctionRow{"rows",
                2,
                1 + kColumnsMax,
                {"rows(list, 'path', ...)", "rows of a Markdown table, escaped; \"-\" for what is not there"},
                call_rows},
};

std::int64_t values_in(const Json& value, std::int64_t enough) {
  std::int64_t count = 1;
  if (!value.is_structured()) return count;
  for (const Json& inner : value) {
    count += values_in(inner, enough - count);
    if (count > enough) break;
  }
  return count;
}

}  // namespace

Result<void> EvaluationMeter::look(std::int64_t values) {
  left_ -= values;
  if (left_ >= 0) return {};
  return Error(
      ErrorCode::payload_too_large,
      "the expression looks at more than " + std::to_string(kEvaluationStepsMax) + " values: ask the tools for less");
}

Result<void> EvaluationMeter::look_into(const Json& value) { return look(values_in(value, kEvaluationStepsMax)); }

const FunctionRow* find_function(std::string_view name) {
  const auto* const found = std::ranges::find(kFunctions, name, &FunctionRow::name);
  return found == kFunctions.end() ? nullptr : found;
}

std::string function_names() {
  std::string names;
  for (const FunctionRow& row : kFunctions) names.append(names.empty() ? "" : ", ").append(row.name);
  return names;
}

const std::vector<ExpressionFunction>& expression_functions() {
  static const auto kHelp = [] {
    std::vector<ExpressionFunction> help;
    for (const FunctionRow& row : kFunctions) help.push_back(row.help);
    return help;
  }();
  return kHelp;
}

Result<bool> are_equal(const Json& left, const Json& right, EvaluationMeter& meter) {
  if (left.is_structured() && right.is_structured()) {
    if (auto looked = meter.look_into(left); !looked) return std::move(looked).error();
  }
  return left == right;
}

Result<bool> is_within(const Json& needle, const Json& haystack, EvaluationMeter& meter, std::string_view who) {
  if (haystack.is_array()) {
    for (const Json& element : haystack) {
      if (auto looked = meter.look(); !looked) return std::move(looked).error();
      auto is_equal = are_equal(element, needle, meter);
      if (!is_equal || *is_equal) return is_equal;
    }
    return false;
  }
  if (!haystack.is_string() && !haystack.is_object())
    return wrong(who, "a list, a text or an object to look into", haystack);
  if (!needle.is_string()) {
    return wrong(who, "a text to look for in a text or among the names of an object", needle);
  }
  const auto& word = needle.get_ref<const std::string&>();
  if (haystack.is_object()) return haystack.contains(word);
  return haystack.get_ref<const std::string&>().find(word) != std::string::npos;
}

}  // namespace weir::tools::runs

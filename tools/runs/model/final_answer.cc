#include "tools/runs/model/final_answer.h"

#include <utility>

#include "tools/schema.h"

namespace weir::tools::runs {
namespace {

bool is_about_text(const Json& schema) { return string_member(schema, "type") == "string"; }

bool asks_for_nothing(const Json& schema) { return !schema.is_object() || schema.empty(); }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Models wrap JSON in ```json ... ``` though they are told not to.
std::string_view without_fence(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with("```") || !text.ends_with("```") || text.size() < 6) return text;
  const std::size_t line_end = text.find('\n');
  if (line_end == std::string_view::npos || line_end + 3 > text.size()) return text;
  return trimmed(text.substr(line_end + 1, text.size() - 3 - (line_end + 1)));
}

}  // namespace

std::string answer_notice(const Json& output_schema) {
  if (asks_for_nothing(output_schema) || is_about_text(output_schema)) return "";
  return "Your last answer must be one JSON value and nothing else, without a code fence, that fits this JSON "
         "Schema: " +
         to_text(output_schema);
}

Result<Json> final_answer(std::string_view text, const Json& output_schema) {
  if (asks_for_nothing(output_schema)) return Json(std::string(text));
  Json value = std::string(text);
  if (!is_about_text(output_schema)) {
    Result<Json> parsed = parse_json(without_fence(text));
    if (!parsed) {
      return Error(ErrorCode::validation_failed, "the answer is no JSON (" + parsed.error().message +
                                                     "); expected one JSON value that fits the output schema");
    }
    value = std::move(*parsed);
  }
  const Result<Schema> schema = Schema::compile(output_schema);
  if (!schema) return Error(ErrorCode::validation_failed, "the agent's output_schema " + schema.error().message);
  const std::vector<FieldError> violations = schema->violations(value);
  if (violations.empty()) return value;
  Error error(ErrorCode::validation_failed, "the answer does not fit the output schema:");
  for (const FieldError& one : violations) {
    error.message += (error.fields.empty() ? " " : "; ") + (one.field.empty() ? "it" : one.field) + " " + one.message;
    error.fields.push_back(one);
  }
  return error;
}

}  // namespace weir::tools::runs

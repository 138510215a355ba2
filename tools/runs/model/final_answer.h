// A model's last text as the run's output: the text, or the JSON that the agent's output schema asks for. Pure.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace weir::tools::runs {

// For the instructions: what the answer must look like. "" without a schema, or if any text will do.
std::string answer_notice(const Json& output_schema);

// `text` if the schema is null or is about a string; else the JSON value that `text` is, also within a Markdown code
// fence. Returns validation_failed, in words for the model, if it is no JSON or does not fit.
Result<Json> final_answer(std::string_view text, const Json& output_schema);

}  // namespace weir::tools::runs

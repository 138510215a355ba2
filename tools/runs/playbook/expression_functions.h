// The functions of expressions. `default` is not among those that are called: it must not look at what it does not need.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "tools/runs/playbook/expression.h"

namespace weir::tools::runs {

// Counts what one evaluation looks at. Not thread-safe: owned by the evaluation.
class EvaluationMeter {
 public:
  // Returns payload_too_large when the evaluation has looked at kEvaluationStepsMax values.
  Result<void> look(std::int64_t values = 1);
  // The same for a value and all that is in it.
  Result<void> look_into(const Json& value);

 private:
  std::int64_t left_ = kEvaluationStepsMax;
};

// Not thread-safe: a value.
struct FunctionRow {
  std::string_view name;
  std::size_t arguments_min = 1;
  std::size_t arguments_max = 1;
  ExpressionFunction help;
  // Null for `default`. Returns validation_failed with what the function wanted.
  Result<Json> (*call)(std::span<const Json* const> arguments, EvaluationMeter& meter) = nullptr;
};

// Null if there is none of that name.
const FunctionRow* find_function(std::string_view name);
// "len, contains, ...": for messages.
std::string function_names();

// Numbers by value (1 == 1.0), all else by type and content. Returns payload_too_large.
Result<bool> are_equal(const Json& left, const Json& right, EvaluationMeter& meter);
// An element of a list, a part of a text, a member's name of an object. Returns validation_failed for others.
Result<bool> is_within(const Json& needle, const Json& haystack, EvaluationMeter& meter, std::string_view who = "in");

}  // namespace weir::tools::runs

// Expressions of playbooks: what stands between ${ and }. They read values and compare them; they cannot compute, loop or
// call anything outside, so that a playbook stays something that a person can check by reading.
//
//   paths      inputs.url   steps.scan.result.id   steps.each.results[0]   steps.scan.status   steps.scan.error.message
//              run.id   item, index (in for_each)   result (in until)   any["odd name"]   any[index]
//   literals   12  -1.5  "text"  'text'  true  false  null  ["a", "b"]     escapes in texts: \\ \" \' \n \r \t
//   operators  ||  &&  == != < <= > >= in  !  ( )      loosest first; comparisons do not chain; no arithmetic
//   functions  expression_functions() lists them with what they do; docs/reference/expressions.md is for people
//
// && and || take true or false only, and the right side is not looked at when the left one decides. < and its kin compare
// two numbers or two texts. A member that is not there is an error that names the path, except in default().
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir::tools::runs {

inline constexpr std::size_t kExpressionBytesMax = 4'096;         // what a person would still read
inline constexpr std::size_t kExpressionDepthMax = 32;            // of parentheses, lists and calls in each other
inline constexpr std::int64_t kEvaluationStepsMax = 10'000;       // looks at a value, in one evaluation
inline constexpr std::size_t kExpressionValueBytesMax = 262'144;  // of what comes out

// The values that paths begin with: inputs, steps, run, item, index, result. Those that have no meaning at a place are
// absent. Each value must outlive the evaluation.
using Bindings = std::map<std::string, const Json*, std::less<>>;

// A path that an expression reads. Not thread-safe: a value.
struct Reference {
  std::string root;          // "inputs", "steps", "run", "item", "index", "result"
  std::string step{};        // of "steps": which; else ""
  std::string member{};      // after that (or after another root): "result", "status", "url"; "" : all of it
  std::string text{};        // "steps.scan.result.id", as far as it is fixed
  std::size_t position = 0;  // in the expression, from 0
};

struct ExpressionNode;

// Immutable.
class Expression {
 public:
  // `text` is what stands between ${ and }, or the same with them around it: `when`, `until` and `for_each` may be
  // written either way. Returns validation_failed, with the position and what was expected.
  static Result<Expression> parse(std::string_view text);

  // Returns not_found if a member is not there: the path is the `field` of the error's only FieldError. Returns
  // payload_too_large beyond the bounds above, validation_failed for everything else that cannot be computed.
  [[nodiscard]] Result<Json> evaluate(const Bindings& bindings) const;
  // The same for a condition: returns validation_failed if the value is neither true nor false.
  [[nodiscard]] Result<bool> evaluate_condition(const Bindings& bindings) const;

  // In the order of the text.
  [[nodiscard]] const std::vector<Reference>& references() const { return references_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Expression() = default;

  std::string text_;
  std::shared_ptr<const ExpressionNode> root_;  // shared by copies, which are cheap
  std::vector<Reference> references_;
};

// Not thread-safe: a value.
struct ExpressionFunction {
  std::string_view signature;  // "join(list, separator)"
  std::string_view what;
};
const std::vector<ExpressionFunction>& expression_functions();

// About how long the value is as text; stops counting soon after `enough`.
std::size_t json_bytes(const Json& value, std::size_t enough);

}  // namespace weir::tools::runs

// JSON with ${...} in its texts: the arguments of a step, the output of a playbook. A text that is one expression and
// nothing else becomes the expression's value, with its type; within a longer text a value stands as text (everything but
// texts as compact JSON). $${ stands for ${ itself. Names of members are taken as they are and must hold no ${.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/runs/playbook/expression.h"

namespace weir::tools::runs {

inline constexpr std::size_t kTemplateExpressionsMax = 200;

struct TemplateNode;

// Immutable.
class Template {
 public:
  // Returns validation_failed with one FieldError for each mistake; its field is `path` and what leads to the text within
  // `json` ("playbook.steps[2].args" + ".scan_id").
  static Result<Template> parse(const Json& json, std::string_view path);

  // As Expression::evaluate(); the message also says where in the template. Returns payload_too_large if the whole is
  // larger than kExpressionValueBytesMax.
  [[nodiscard]] Result<Json> evaluate(const Bindings& bindings) const;

  // Of all expressions.
  [[nodiscard]] const std::vector<Reference>& references() const { return references_; }

 private:
  Template() = default;

  std::shared_ptr<const TemplateNode> root_;  // shared by copies, which are cheap
  std::vector<Reference> references_;
};

}  // namespace weir::tools::runs

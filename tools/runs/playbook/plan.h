// A playbook, ready to be executed: its texts parsed, who follows whom. Made anew each time that a run is taken up.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/agents/agent_definition.h"
#include "tools/runs/playbook/expression.h"
#include "tools/runs/playbook/template.h"

namespace weir::tools::runs {

// Immutable.
struct PlannedStep {
  agents::Step step;
  Template args;
  std::optional<Expression> when{};
  std::optional<Expression> for_each{};
  std::optional<Expression> until{};
  // Positions of the steps that must have ended: those that it names and those that its texts read.
  std::vector<std::size_t> needs{};
  bool is_last = true;  // no other step needs it
};

// Immutable.
class Plan {
 public:
  // Returns validation_failed for what agents/ has let through: a text that is no expression, a step that needs or reads a
  // later or unknown one.
  static Result<Plan> make(const agents::Playbook& playbook);

  // In the playbook's order: each after those that it needs.
  [[nodiscard]] const std::vector<PlannedStep>& steps() const { return steps_; }
  // Nothing: the results of the last steps.
  [[nodiscard]] const std::optional<Template>& output() const { return output_; }

 private:
  Plan() = default;
  Result<void> add(const agents::Step& step);

  std::vector<PlannedStep> steps_;
  std::optional<Template> output_;
};

// What a step reads of others may hold text that others wrote; its status is our own word.
bool reads_text_of(const Reference& reference, std::string_view step_name);

}  // namespace weir::tools::runs

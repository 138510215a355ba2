#include "tools/runs/playbook/plan.h"

#include <algorithm>

namespace weir::tools::runs {
namespace {

Error at(const std::string& path, Error error) {
  error.message = path + ": " + error.message;
  return error;
}

Result<std::optional<Expression>> optional_expression(const std::string& text, const std::string& path) {
  if (text.empty()) return std::optional<Expression>();
  auto expression = Expression::parse(text);
  if (!expression) return at(path, std::move(expression).error());
  return std::optional<Expression>(*std::move(expression));
}

}  // namespace

Result<Plan> Plan::make(const agents::Playbook& playbook) {
  Plan plan;
  for (const agents::Step& step : playbook.steps) {
    if (auto added = plan.add(step); !added) return std::move(added).error();
  }
  if (!playbook.output.is_null()) {
    auto output = Template::parse(playbook.output, "output");
    if (!output) return std::move(output).error();
    plan.output_ = *std::move(output);
  }
  return plan;
}

Result<void> Plan::add(const agents::Step& step) {
  const std::string path = "step " + step.id;
  auto args = Template::parse(step.args, path + ": args");
  if (!args) return std::move(args).error();
  PlannedStep planned{.step = step, .args = *std::move(args)};
  for (auto [text, name, place] :
       {std::tuple{&step.when, "when", &planned.when}, std::tuple{&step.for_each, "for_each", &planned.for_each},
        std::tuple{&step.until, "until", &planned.until}}) {
    auto expression = optional_expression(*text, path + ": " + name);
    if (!expression) return std::move(expression).error();
    *place = *std::move(expression);
  }

  const auto need = [&](std::size_t position) {
    if (std::ranges::find(planned.needs, position) == planned.needs.end()) planned.needs.push_back(position);
    steps_[position].is_last = false;
  };
  const auto must_be_known = [&](bool is_known, std::string_view name) -> Result<void> {
    if (is_known) return {};
    return Error(ErrorCode::validation_failed, path + ": \"" + std::string(name) + "\" is no step before it");
  };
  for (const std::string& id : step.needs) {
    const auto found =
        std::ranges::find(steps_, id, [](const PlannedStep& one) -> const std::string& { return one.step.id; });
    if (auto known = must_be_known(found != steps_.end(), id); !known) return known;
    need(static_cast<std::size_t>(found - steps_.begin()));
  }
  std::vector<Reference> references = planned.args.references();
  for (const auto* expression : {&planned.when, &planned.for_each, &planned.until}) {
    if (*expression)
      references.insert(references.end(), (*expression)->references().begin(), (*expression)->references().end());
  }
  for (const Reference& reference : references) {
    if (reference.root != "steps") continue;
    const auto found = std::ranges::find(steps_, reference.step,
                                         [](const PlannedStep& one) -> const std::string& { return one.step.name(); });
    if (auto known = must_be_known(found != steps_.end(), reference.step); !known) return known;
    need(static_cast<std::size_t>(found - steps_.begin()));
  }
  steps_.push_back(std::move(planned));
  return {};
}

bool reads_text_of(const Reference& reference, std::string_view step_name) {
  return reference.root == "steps" && reference.step == step_name && reference.member != "status";
}

}  // namespace weir::tools::runs

#include "tools/runs/run_usage.h"

#include <array>

namespace weir::tools::runs {
namespace {

constexpr std::array<std::string_view, 7> kCounts = {"input_tokens",     "output_tokens",  "cached_input_tokens",
                                                     "reasoning_tokens", "model_requests", "tool_calls",
                                                     "wall_ms"};

// Unknown and a number is unknown: a sum without a part would be a guess.
void add(Json& usage, std::string_view name, const std::optional<std::int64_t>& amount) {
  Json& total = usage[std::string(name)];
  if (!amount || !total.is_number_integer()) {
    total = nullptr;
  } else {
    total = total.get<std::int64_t>() + *amount;
  }
}

bool reaches(const Json& total, std::optional<std::int64_t> limit) {
  return limit && total.is_number_integer() && total.get<std::int64_t>() >= *limit;
}

}  // namespace

Json usage_from(const Json& stored) {
  Json usage = stored.is_object() ? stored : Json::object();
  for (const std::string_view name : kCounts) {
    if (!usage.contains(name)) usage[std::string(name)] = 0;
  }
  if (!usage.contains("cost_microusd")) usage["cost_microusd"] = 0;
  if (!usage.contains("complete")) usage["complete"] = true;
  return usage;
}

void add_turn(Json& usage, const TurnUsage& turn) {
  add(usage, "input_tokens", turn.input_tokens);
  add(usage, "output_tokens", turn.output_tokens);
  // Providers that cache or reason nothing say nothing about it.
  add(usage, "cached_input_tokens", turn.cached_input_tokens.value_or(0));
  add(usage, "reasoning_tokens", turn.reasoning_tokens.value_or(0));
  add(usage, "cost_microusd", turn.cost_microusd);
  add(usage, "model_requests", turn.requests);
  if (!turn.input_tokens || !turn.output_tokens) usage["complete"] = false;
}

void add_tool_call(Json& usage) { add(usage, "tool_calls", 1); }

void set_wall(Json& usage, std::chrono::milliseconds wall) { usage["wall_ms"] = wall.count(); }

std::optional<std::string> used_up(const Json& usage, const agents::RunLimits& limits) {
  const Json& input = usage["input_tokens"];
  const Json& output = usage["output_tokens"];
  if (reaches(output, limits.max_output_tokens)) return "max_tokens";
  if (input.is_number_integer() && output.is_number_integer() &&
      reaches(input.get<std::int64_t>() + output.get<std::int64_t>(), limits.max_total_tokens)) {
    return "max_tokens";
  }
  if (reaches(usage["cost_microusd"], limits.max_cost_microusd)) return "max_cost";
  return std::nullopt;
}

}  // namespace weir::tools::runs

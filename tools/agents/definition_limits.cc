#include "tools/agents/definition_limits.h"

#include <algorithm>

namespace weir::tools::agents {
namespace {

std::vector<std::string> limit_names() {
  std::vector<std::string> names;
  for (const LimitMember& member : limit_members()) names.emplace_back(member.name);
  return names;
}

}  // namespace

const std::vector<LimitMember>& limit_members() {
  using Number = std::optional<std::int64_t>;
  static const std::vector<LimitMember> members = {
      {"max_steps", 1, kMaxStepsMax, "Steps of a playbook, turns of a model.",
       [](const RunLimits& limits) -> Number { return limits.max_steps; },
       [](RunLimits& limits, std::int64_t value) { limits.max_steps = value; }},
      {"max_tool_calls", 1, kMaxToolCallsMax, "Tool calls in all.",
       [](const RunLimits& limits) -> Number { return limits.max_tool_calls; },
       [](RunLimits& limits, std::int64_t value) { limits.max_tool_calls = value; }},
      {"max_parallel", 1, kMaxParallelMax, "Tool calls at once.",
       [](const RunLimits& limits) -> Number { return limits.max_parallel; },
       [](RunLimits& limits, std::int64_t value) { limits.max_parallel = value; }},
      {"wall_s", 1, 86'400, "Seconds, without the time spent waiting for people; the server may allow less.",
       [](const RunLimits& limits) -> Number { return limits.wall.count(); },
       [](RunLimits& limits, std::int64_t value) { limits.wall = std::chrono::seconds{value}; }},
      {"approval_ttl_s", kApprovalTtlMin.count(), kApprovalTtlMax.count(), "Seconds that a person has for an answer.",
       [](const RunLimits& limits) -> Number { return limits.approval_ttl.count(); },
       [](RunLimits& limits, std::int64_t value) { limits.approval_ttl = std::chrono::seconds{value}; }},
      {"same_call_max", 1, kSameCallMax, "How often a model may call one tool with the same arguments.",
       [](const RunLimits& limits) -> Number { return limits.same_call_max; },
       [](RunLimits& limits, std::int64_t value) { limits.same_call_max = value; }},
      {"max_output_tokens", 1, kTokensMax, "Tokens that a model may write in one turn.",
       [](const RunLimits& limits) -> Number { return limits.max_output_tokens; },
       [](RunLimits& limits, std::int64_t value) { limits.max_output_tokens = value; }},
      {"max_total_tokens", 1, kTokensMax, "Tokens that a run may read and write in all.",
       [](const RunLimits& limits) -> Number { return limits.max_total_tokens; },
       [](RunLimits& limits, std::int64_t value) { limits.max_total_tokens = value; }},
      {"max_cost_microusd", 1, kCostMicrousdMax, "Millionths of a dollar, by the operator's prices.",
       [](const RunLimits& limits) -> Number { return limits.max_cost_microusd; },
       [](RunLimits& limits, std::int64_t value) { limits.max_cost_microusd = value; }},
  };
  return members;
}

Json limits_json(const RunLimits& limits) {
  Json json = Json::object();
  for (const LimitMember& member : limit_members()) {
    const std::optional<std::int64_t> value = member.get(limits);
    json[std::string(member.name)] = value ? Json(*value) : Json(nullptr);
  }
  return json;
}

GivenLimits read_limits(const Json* json, const std::string& path, std::chrono::seconds wall_max, RunLimits& limits,
                        Mistakes& mistakes) {
  limits.wall = std::min(limits.wall, wall_max);
  if (json == nullptr || json->is_null()) return {};
  MemberReader reader(*json, path, limit_names(), mistakes);
  for (const LimitMember& member : limit_members()) {
    const std::int64_t most = member.name == "wall_s" ? wall_max.count() : member.maximum;
    const auto value = reader.integer(member.name, {.minimum = member.minimum, .maximum = most});
    if (value) member.set(limits, *value);
  }
  return {.has_max_steps = reader.has("max_steps"), .has_same_call_max = reader.has("same_call_max")};
}

Result<RunLimits> narrowed_limits(const RunLimits& most, const Json& wish, std::string_view field) {
  if (wish.is_null()) return most;
  Mistakes mistakes;
  RunLimits limits = most;
  MemberReader reader(wish, std::string(field), limit_names(), mistakes);
  for (const LimitMember& member : limit_members()) {
    const std::int64_t allowed = member.get(most).value_or(member.maximum);
    // What the agent has may be below the least that a definition may state, if the server has lowered it.
    const auto value = reader.integer(member.name, {.minimum = std::min(member.minimum, allowed), .maximum = allowed});
    if (value) member.set(limits, *value);
  }
  if (!mistakes.is_empty()) return mistakes.error("the limits (a run may only have less than its agent)");
  return limits;
}

}  // namespace weir::tools::agents

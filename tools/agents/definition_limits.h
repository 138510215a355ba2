// The bounds of a run as a definition states them. Not for the tiers' limits: those are in limits/.
#pragma once
#include <string>
#include <vector>

#include "tools/agents/agent_definition.h"
#include "tools/agents/definition_reader.h"

namespace weir::tools::agents {

// One member of `limits`. Immutable.
struct LimitMember {
  std::string_view name;
  std::int64_t minimum = 1;
  std::int64_t maximum = 0;
  std::string_view what;  // for people
  std::optional<std::int64_t> (*get)(const RunLimits&) = nullptr;
  void (*set)(RunLimits&, std::int64_t) = nullptr;
};
const std::vector<LimitMember>& limit_members();

// `json` is the caller's object, or null for none: members that are not given keep what `limits` holds. Beyond the bounds
// of limit_members(), or `wall_max`, is a mistake. Returns whether same_call_max was given.
struct GivenLimits {
  bool has_max_steps = false;
  bool has_same_call_max = false;
};
GivenLimits read_limits(const Json* json, const std::string& path, std::chrono::seconds wall_max, RunLimits& limits,
                        Mistakes& mistakes);

}  // namespace weir::tools::agents

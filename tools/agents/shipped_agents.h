// The playbooks that every server has: put into its first account, public, on its first start; brought up to date by later
// starts unless somebody has edited or deleted them.
#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "store/database.h"
#include "tools/agents/agent_definition.h"
#include "tools/runs/callable_tool.h"

namespace weir::tools::agents {

// Not thread-safe: a value.
struct ShippedFile {
  std::string_view name;  // "posture-check.json"
  std::string_view text;  // what create_agent takes
};
// Compiled in, by name.
std::vector<ShippedFile> embedded_agent_files();

// Not thread-safe: a value.
struct ShippedAgent {
  std::string slug;
  std::string name;
  std::string description;
  AgentDefinition definition;
};
// Returns validation_failed if it is none, or counts on tools that are not there. Its wall time is cut to `wall_max`.
Result<ShippedAgent> parse_shipped(const ShippedFile& file, const runs::ToolDirectory& known,
                                   std::chrono::seconds wall_max);

// Not thread-safe: a set of references.
struct SeedParts {
  store::Database& database;
  const Clock& clock;
  IdGenerator& ids;
  const runs::ToolDirectory& directory;
  std::chrono::seconds wall_max{3'600};  // RunSettings.wall_max
};
// To be called at each start, once there is an account and the tools are known. The oldest account gets what it lacks: an
// agent whose slug it has never had is created; one whose newest version was shipped and differs gets a new version; all
// others stay. A playbook that cannot be used here is logged and left out. Blocks for the database.
Result<void> seed_shipped_agents(const SeedParts& parts);

}  // namespace weir::tools::agents

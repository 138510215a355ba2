// The flags of `weir run`, `weir runs` and `weir agents`.
#pragma once
#include <optional>
#include <string_view>

#include "server/cli/agents_command.h"
#include "server/cli/run_command.h"
#include "server/cli/runs_command.h"
#include "server/cli/terminal.h"

namespace CLI {
class App;
}

namespace weir::cli {

// What they are parsed into. Not thread-safe: owned by run().
struct AgentFlags {
  RunOptions run;
  RunsOptions runs;
  AgentsOptions agents;
};

// `flags` must outlive `app`.
void add_agent_commands(CLI::App& app, AgentFlags& flags);
// Carries out the command of that name; nothing if it is another's. Returns its exit code.
std::optional<int> run_agent_command(std::string_view name, const AgentFlags& flags, Terminal& terminal);

}  // namespace weir::cli

// `weir runs`: what runs there are, what became of one, and what a person decides about it.
#pragma once
#include <string>
#include <vector>

#include "server/cli/commands.h"
#include "server/cli/terminal.h"

namespace weir::cli {

struct RunsOptions {
  enum class Action { list, show, follow, cancel, approve, deny, replay } action = Action::list;
  ServerOptions server;
  std::string run_id;
  std::vector<std::string> tool_calls;  // of approve and deny; empty: all that wait
  std::string reason;
  std::string agent;      // of list; empty: any
  std::string status;     // the same
  bool approves = false;  // of follow
  bool as_json = false;
};
int run_runs(const RunsOptions& options, Terminal& terminal);

}  // namespace weir::cli

// `weir agents`: the agents of a server, their versions and definitions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "server/cli/commands.h"
#include "server/cli/terminal.h"

namespace weir::cli {

struct AgentsOptions {
  enum class Action { list, show, create, update, remove, validate } action = Action::list;
  ServerOptions server;
  std::string agent;                    // id or slug
  std::string file;                     // of a definition; - for standard input
  std::optional<std::int64_t> version;  // of show; nothing: the current one
  bool as_json = false;
};
int run_agents(const AgentsOptions& options, Terminal& terminal);

}  // namespace weir::cli

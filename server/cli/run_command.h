// `weir run`: starts a run of an agent and, if asked to, shows it live until it has ended.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "server/cli/client.h"
#include "server/cli/commands.h"
#include "server/cli/terminal.h"

namespace weir::cli {

struct RunOptions {
  ServerOptions server;
  std::string agent;         // id or slug
  std::string input = "{}";  // JSON, @FILE or -
  std::string limits;        // JSON, @FILE or -; "" : the agent's
  std::optional<std::int64_t> version;
  std::optional<std::int64_t> wait_seconds;
  bool follows = false;
  bool approves = false;  // asks on the terminal when the run asks; follows, too
  bool as_json = false;
};
int run_run(const RunOptions& options, Terminal& terminal);

// How a run is followed. Not thread-safe: a value.
struct FollowOptions {
  std::string run_id;
  bool approves = false;
  bool as_json = false;  // JSON lines on a terminal, too
};
// Shows a run from its first event until it has ended; on Ctrl-C says how to come back and leaves it going. Returns an exit
// code. server::block_stop_signals() has been called.
int follow_run(const FollowOptions& options, Client& client, Terminal& terminal);

}  // namespace weir::cli

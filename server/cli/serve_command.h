// `weir serve`: starts the server and waits for SIGINT or SIGTERM.
#pragma once
#include "server/cli/terminal.h"
#include "server/config.h"

namespace weir::cli {

// Prints "weir ready on http://HOST:PORT" when calls are answered, and on the first start of a data folder the first key
// with ready-to-paste client configurations. A second signal ends the process at once.
int run_serve(const server::ConfigSources& sources, Terminal& terminal);

}  // namespace weir::cli

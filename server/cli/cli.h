// The command line: parses flags and calls the command. The only place that knows CLI11.
#pragma once

namespace weir::cli {

// The process's exit code.
int run(int argc, char** argv);

}  // namespace weir::cli

// SIGINT and SIGTERM as something to wait for.
#pragma once

namespace weir::server {

// Blocks the two signals in this thread and in every thread that it starts later; call before any thread starts. Also
// ignores SIGPIPE: a departed client is an error of its socket, not of the process.
void block_stop_signals();

// Blocks until one of them arrives and returns its number.
int wait_for_stop_signal();

// From here on a stop signal ends the process at once. Called by the thread that blocked them.
void let_the_next_stop_signal_kill();

}  // namespace weir::server

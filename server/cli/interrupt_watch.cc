#include "server/cli/interrupt_watch.h"

#include <pthread.h>

#include <csignal>

#include "server/signals.h"

namespace weir::cli {

InterruptWatch::InterruptWatch() : thread_([this] { wait(); }) {
  pthread_setname_np(thread_.native_handle(), "weir-interrupt");
}

InterruptWatch::~InterruptWatch() {
  is_over_ = true;
  // Wakes the thread that waits for a signal; one that has ended does not mind.
  pthread_kill(thread_.native_handle(), SIGTERM);
}

void InterruptWatch::wait() {
  const int received = server::wait_for_stop_signal();
  if (is_over_ && received == SIGTERM) return;
  source_.request_stop();
}

}  // namespace weir::cli

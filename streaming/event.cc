#include "streaming/event.h"

namespace weir::streaming {

bool is_terminal_event(std::string_view type) {
  static constexpr std::array<std::string_view, 10> kTerminal{
      "scan.completed", "scan.failed",   "scan.cancelled", "scan.timed_out",  "run.completed",
      "run.failed",     "run.cancelled", "run.timed_out",  "run.incomplete", "run.expired"};
  return std::find(kTerminal.begin(), kTerminal.end(), type) != kTerminal.end();
}

}  // namespace weir::streaming

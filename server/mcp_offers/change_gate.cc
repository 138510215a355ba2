#include "server/mcp_offers/change_gate.h"

#include <utility>

namespace weir::mcp_offers {

void ChangeGate::tell() {
  const bool is_first = state_.with([](State& state) {
    state.has_waiting = state.is_quiet;
    return !std::exchange(state.is_quiet, true);
  });
  if (!is_first) return;
  changed_();
  be_quiet();
}

void ChangeGate::be_quiet() {
  timers_.at(std::chrono::steady_clock::now() + kQuiet, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    const bool is_told = self->state_.with([](State& state) {
      state.is_quiet = state.has_waiting;
      return std::exchange(state.has_waiting, false);
    });
    if (!is_told) return;
    self->changed_();
    self->be_quiet();
  });
}

}  // namespace weir::mcp_offers

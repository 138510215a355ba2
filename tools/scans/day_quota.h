// The daily quota of scans: an account's, whichever of its keys started them. The limiter counts what one key started since
// the server did; the stored scans know everything. Both refuse, so what is shown is the tighter of the two
// (docs/decisions/0009).
#pragma once
#include <algorithm>
#include <chrono>

#include "limits/quota.h"
#include "store/scan_pace.h"

namespace weir::tools::scans {

inline constexpr std::chrono::hours kDailyQuotaWindow{24};

// The state of the policy "scans-day" in `decision`; null if it has none.
inline limits::PolicyState* day_of(limits::Decision& decision) {
  const auto found = std::find_if(decision.states.begin(), decision.states.end(),
                                  [](const limits::PolicyState& state) { return state.name == limits::kScansDay; });
  return found == decision.states.end() ? nullptr : &*found;
}

// Brings `day` up to what is stored, which was asked with the whole limit of the tier: a node that decides alone shows its
// share.
inline void show_stored_day(limits::PolicyState& day, const store::ScansOfDay& stored) {
  const std::int64_t left = std::max<std::int64_t>(stored.limit - stored.started, 0);
  if (left > std::int64_t{day.remaining}) return;
  if (left < std::int64_t{day.remaining} || day.remaining > 0) {
    day.reset_at = stored.frees_at.value_or(day.reset_at);
  } else if (stored.frees_at) {
    day.reset_at = std::max(day.reset_at, *stored.frees_at);  // both refuse
  }
  day.remaining = static_cast<std::uint32_t>(left);
}

}  // namespace weir::tools::scans

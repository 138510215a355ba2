// A person's (or a run's) decision about a finding: which moves there are (api.md section 2), what each needs, and the
// move itself with its history row and event.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "store/findings_store.h"
#include "tools/call_context.h"
#include "tools/services.h"

namespace weir::tools::scans {

// Not thread-safe: a value.
struct StatusWish {
  std::string status;  // open, in_progress, fixed, accepted_risk, false_positive
  std::string reason;  // "" : none
  std::optional<UnixMillis>
      until{};  // end of an accepted risk; nothing: as it was if that is still to come, else kAcceptance from now
};
// An acceptance always ends; then a scan that still sees the finding reopens it.
inline constexpr std::chrono::hours kAcceptance{24 * 90};

// From the validated arguments status, reason and until. Returns validation_failed, naming the member: a reason is missing
// or blank, `until` is not a time, not in the future, or given with a status that has no end. Pure.
Result<StatusWish> status_wish_of(const Json& arguments, UnixMillis now);

// Whether a person may move a finding so; staying where it is always is. Pure.
bool may_move(std::string_view from, std::string_view to);

struct StatusChange {
  store::FindingRow finding;  // as it is now
  std::string from;
  bool is_changed = false;  // false: it was so already, and nothing was written
};
// Writes the finding, its history (by the key, or by the run that made the call) and finding.status_changed. Returns
// conflict, naming the moves that there are, if there is no such move.
Result<StatusChange> change_status(const Services& services, const CallContext& context, store::FindingRow finding,
                                   const StatusWish& wish, store::Transaction& transaction);

}  // namespace weir::tools::scans

// Ends of runs that nobody is executing: cancelled by their account, or expired because their turn or a person did not come.
#pragma once
#include <string_view>

#include "base/result.h"
#include "store/runs_store.h"
#include "tools/call_context.h"
#include "tools/services.h"

namespace weir::tools::runs {

// More would keep other writers waiting; the next call goes on.
inline constexpr std::int64_t kExpiredAtOnceMax = 100;

// A run that is queued or waits for a person ends here; a running one is asked to stop and is `cancelling` until its job
// notices. The run as it stands afterwards. Returns not_found, or conflict if it has ended otherwise than by cancelling.
Result<store::RunRow> cancel_run(const Services& services, const CallContext& context, std::string_view run_id,
                                 store::Transaction& transaction);

// Ends queued runs and runs that wait for a person whose deadline has passed, at most kExpiredAtOnceMax of each. The number of
// runs. For a timer; blocks for the database.
Result<std::int64_t> expire_overdue_runs(const Services& services);
// The same for one run, so that nobody sees or decides about a run that has expired. Writes only if it has.
Result<void> expire_if_overdue(const Services& services, const CallContext& context, std::string_view run_id);

}  // namespace weir::tools::runs

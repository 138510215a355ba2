// A retest: a scan that runs only the rules of given findings, to see whether they are fixed (scans.md section 7).
#pragma once
#include "base/json.h"
#include "base/result.h"
#include "store/database.h"
#include "store/targets_store.h"
#include "tools/call_context.h"
#include "tools/scans/scan_request.h"

namespace weir::tools::scans {

inline constexpr std::int64_t kRetestFindingsMax = 100;

// The arguments ask for a retest: retest_of or finding_ids is given.
bool is_retest(const Json& arguments);

// Not thread-safe: a value.
struct Retest {
  store::TargetRow target;
  ScanRequest request;  // profile custom, with `retest_of`
};

// From the validated arguments retest_of, finding_ids, and what must not contradict them. Without finding_ids: what that
// scan saw and nobody has set aside. Without retest_of: the scan that saw the first of the findings last. Returns not_found
// for a scan or a finding that is not the account's, conflict for a scan that has not completed or saw nothing to look at
// again, and validation_failed, naming the member, for findings of another target or of a rule that is gone, and for
// checks, a profile or a target that a retest does not choose.
Result<Retest> read_retest(store::Transaction& transaction, const CallContext& context, const Json& arguments);

}  // namespace weir::tools::scans

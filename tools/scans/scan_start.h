// Starting a scan: may this account scan this target now, and if so the scan, its job and its first event in one
// transaction.
#pragma once
#include "base/json.h"
#include "base/result.h"
#include "store/scans_store.h"
#include "store/targets_store.h"
#include "tools/call_context.h"
#include "tools/scans/day_quota.h"
#include "tools/scans/scan_request.h"
#include "tools/services.h"

namespace weir::tools::scans {

inline constexpr std::string_view kScanJobKind = "scan";

// The target that `target_id` or `url` names. Returns validation_failed unless exactly one is given, not_found with what
// to do if the account has no such target.
Result<store::TargetRow> target_to_scan(store::Transaction& transaction, const CallContext& context,
                                        const Json& arguments);

// Returns target_not_verified, target_busy (a scan of it is active, or its host is cooling down), concurrency_limit or
// rate_limit_exceeded (the tier's daily scans), each naming what stands in the way and when to try again.
Result<store::ScanRow> start_scan(const Services& services, const CallContext& context, const store::TargetRow& target,
                                  const ScanRequest& request, store::Transaction& transaction);

}  // namespace weir::tools::scans

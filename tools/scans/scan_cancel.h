// Asking a scan to stop: a queued one ends here, a running one when its job notices.
#pragma once
#include <string_view>

#include "base/result.h"
#include "store/scans_store.h"
#include "tools/call_context.h"
#include "tools/services.h"

namespace weir::tools::scans {

// The scan as it stands afterwards. Returns not_found, or conflict if it has ended otherwise than by cancelling.
Result<store::ScanRow> request_cancellation(const Services& services, const CallContext& context,
                                            std::string_view scan_id, store::Transaction& transaction);

}  // namespace weir::tools::scans

// What a caller asks of a scan, read against the catalogue: profile, the checks of it, and the budget that follows.
// Pure.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/scans/scan_engine.h"

namespace weir::tools::scans {

// Not thread-safe: a value.
struct ScanRequest {
  Profile profile = Profile::quick;
  std::vector<std::string> checks;     // ids or groups as asked for; empty: all of the profile
  Profile strictest = Profile::quick;  // the smallest profile that covers everything asked for
  int checks_count = 0;                // catalogue rows that will run
  Budget budget;
  std::string retest_of;  // the scan whose findings are looked at again; "" : none
};

// From the validated arguments `profile` and `checks`. Returns validation_failed for an unknown check, for a custom
// scan without checks, and for a check that the profile does not contain.
Result<ScanRequest> scan_request_of(const Json& arguments);

// scans.md section 1: how much a profile may ask of one target.
Budget budget_of(Profile profile);

// The catalogue's groups, in its order.
std::vector<std::string> check_groups();

}  // namespace weir::tools::scans

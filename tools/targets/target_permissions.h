// Which scans a target's authorisation allows (scans.md section 1): passive needs an attestation; quick, full and
// custom also need proof of ownership, unless the host is this machine or a private one. Pure.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "store/targets_store.h"
#include "tools/scans/checks/check.h"

namespace weir::tools {

// Profiles that the target may be scanned with now, smallest first; none without an attestation.
std::vector<std::string> allowed_profiles(const store::TargetRow& target);

// Success, or target_not_verified with what to do.
Result<void> check_profile_allowed(const store::TargetRow& target, scans::Profile profile);

}  // namespace weir::tools

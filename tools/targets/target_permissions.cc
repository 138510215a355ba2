#include "tools/targets/target_permissions.h"

namespace weir::tools {
namespace {

bool is_fully_authorised(const store::TargetRow& target) {
  return target.verification_state == "verified" || target.visibility != "public";
}

}  // namespace

std::vector<std::string> allowed_profiles(const store::TargetRow& target) {
  if (target.attestation.is_null() && target.verification_state != "verified") return {};
  if (!is_fully_authorised(target)) return {"passive"};
  return {"passive", "quick", "full", "custom"};
}

Result<void> check_profile_allowed(const store::TargetRow& target, scans::Profile profile) {
  for (const std::string& name : allowed_profiles(target)) {
    if (name == scans::to_string(profile)) return {};
  }
  const std::string wanted(scans::to_string(profile));
  if (target.attestation.is_null()) {
    return Error(ErrorCode::target_not_verified, "Target " + target.id + " (" + target.url +
                                                     ") has no statement that you may scan it. Register it again with "
                                                     "create_target and `attest`.");
  }
  return Error(ErrorCode::target_not_verified,
               "Target " + target.id + " (" + target.url + ") is public and its ownership is not proven, so a " +
                   wanted +
                   " scan, which sends unusual requests, is refused. Use profile passive, or prove ownership first.");
}

}  // namespace weir::tools

#include "tools/scans/scan_request.h"

#include <algorithm>

#include "base/log.h"
#include "tools/near_match.h"

namespace weir::tools::scans {
namespace {

Error wrong_check(std::size_t index, const std::string& problem) {
  const std::string field = "checks[" + std::to_string(index) + "]";
  return Error(ErrorCode::validation_failed, field + " " + problem + ".").with_field(field, problem);
}

bool is_named(const Rule& rule, std::string_view name) { return rule.id == name || rule.group == name; }

Error unknown_check(std::size_t index, const std::string& name) {
  std::vector<std::string> known = check_groups();
  const std::string groups = listed(known);
  for (const Check& check : catalogue()) known.emplace_back(check.rule.id);
  const std::string near = nearest(name, known);
  return wrong_check(index, "is \"" + printable(name, 60) + "\"" +
                                (near.empty() ? "" : "; did you mean " + near + "?") +
                                "; expected a check's id (list_checks) or a group: " + groups);
}

}  // namespace

std::vector<std::string> check_groups() {
  std::vector<std::string> groups;
  for (const Check& check : catalogue()) {
    const std::string group(check.rule.group);
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  return groups;
}

Budget budget_of(Profile profile) {
  Budget budget;
  switch (profile) {
    case Profile::passive: break;  // the defaults are passive's
    case Profile::quick:
      budget.http_requests_max = 150;
      budget.tcp_connects_max = 60;
      break;
    case Profile::full:
    case Profile::custom:
      budget.http_requests_max = 600;
      budget.tcp_connects_max = 250;
      break;
  }
  return budget;
}

Result<ScanRequest> scan_request_of(const Json& arguments) {
  ScanRequest request;
  request.profile = profile_from(string_or(arguments, "profile", "quick")).value_or(Profile::quick);
  if (const Json* checks = find_member(arguments, "checks")) request.checks = checks->get<std::vector<std::string>>();
  const bool is_custom = request.profile == Profile::custom;
  if (is_custom && request.checks.empty()) {
    const std::string problem = "is missing; a custom scan needs the ids or groups of the checks to run (list_checks)";
    return Error(ErrorCode::validation_failed, "checks " + problem + ".").with_field("checks", problem);
  }

  // A custom scan is as strict as its strictest check, others as their profile.
  request.strictest = is_custom ? Profile::passive : request.profile;
  for (std::size_t i = 0; i < request.checks.size(); ++i) {
    const std::string& name = request.checks[i];
    bool is_known = false;
    bool is_covered = false;
    Profile needed = Profile::full;
    for (const Check& check : catalogue()) {
      if (!is_named(check.rule, name)) continue;
      is_known = true;
      is_covered = is_covered || is_custom || check.rule.profile <= request.profile;
      needed = std::min(needed, check.rule.profile);
      if (is_custom) request.strictest = std::max(request.strictest, check.rule.profile);
    }
    if (!is_known) return unknown_check(i, name);
    if (!is_covered) {
      return wrong_check(i, "is \"" + name + "\", which needs profile " + std::string(to_string(needed)) +
                                " or custom, not " + std::string(to_string(request.profile)));
    }
  }
  for (const Check& check : catalogue()) {
    const bool is_wanted =
        request.checks.empty() || std::any_of(request.checks.begin(), request.checks.end(),
                                              [&](const std::string& name) { return is_named(check.rule, name); });
    if (is_wanted && (is_custom || check.rule.profile <= request.profile)) ++request.checks_count;
  }
  request.budget = budget_of(request.strictest);
  return request;
}

}  // namespace weir::tools::scans

// The one list of all checks. Adding a rule is adding a row to its group's file; adding a group is a line here.
#include "base/hmac.h"
#include "tools/scans/checks/check.h"
#include "tools/scans/checks/groups.h"

namespace weir::tools::scans {
namespace {

// The month in which the catalogue's rules were last reviewed as a whole.
constexpr std::string_view kRulesetMonth = "2026.11";

std::vector<Check> all_checks() {
  std::vector<Check> checks;
  for (const auto group : {csp_checks(), hsts_checks(), header_checks(), cookie_checks(), redirect_checks(),
                           tls_checks(), certificate_checks(), disclosure_checks()}) {
    checks.insert(checks.end(), group.begin(), group.end());
  }
  return checks;
}

}  // namespace

std::span<const Check> catalogue() {
  static const std::vector<Check> kAll = all_checks();
  return kAll;
}

const Check* find_check(std::string_view id) {
  for (const Check& check : catalogue()) {
    if (check.rule.id == id) return &check;
  }
  return nullptr;
}

std::string ruleset_version() {
  std::string text;
  const auto add = [&text](std::string_view part) { text.append(part).push_back('\n'); };
  for (const Check& check : catalogue()) {
    const Rule& rule = check.rule;
    for (const std::string_view part : {rule.id, rule.group, rule.title, to_string(rule.severity), rule.asvs,
                                        to_string(rule.profile), rule.description, rule.detection, rule.remediation}) {
      add(part);
    }
    add(std::to_string(rule.cwe));
    for (const std::string_view reference : rule.references) add(reference);
  }
  return std::string(kRulesetMonth) + "-" + to_hex(sha256(text)).substr(0, 8);
}

}  // namespace weir::tools::scans

#include "limits/tiers.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace weir::limits {

Tiers Tiers::defaults() {
  const std::vector<Tier> table{
      {.name = "free", .units_per_minute = 100, .concurrent_scans = 1, .concurrent_runs = 2, .daily_scans = 50},
      {.name = "standard", .units_per_minute = 120, .concurrent_scans = 2, .concurrent_runs = 5, .daily_scans = 500},
      {.name = "starter", .units_per_minute = 500, .concurrent_scans = 2, .concurrent_runs = 5, .daily_scans = 500},
      {.name = "pro", .units_per_minute = 1'000, .concurrent_scans = 5, .concurrent_runs = 20, .daily_scans = 5'000},
      {.name = "admin", .is_unlimited = true},
      // Takes its minute limit from an override; the rest is the smallest tier's until it has one, too.
      {.name = "custom", .units_per_minute = 0, .concurrent_scans = 1, .concurrent_runs = 2, .daily_scans = 50},
  };
  std::map<std::string, Tier, std::less<>> tiers;
  for (const Tier& tier : table) tiers.emplace(tier.name, tier);
  return Tiers(std::move(tiers));
}

const Tier* Tiers::find(std::string_view name) const {
  const auto found = tiers_.find(name);
  return found == tiers_.end() ? nullptr : &found->second;
}

std::string Tiers::names() const {
  std::string names;
  for (const auto& [name, tier] : tiers_) {
    if (!names.empty()) names += ", ";
    names += name;
  }
  return names;
}

Quota Tiers::quota_for(std::string_view tier, std::optional<std::int64_t> limit_override, CallKind call) const {
  const Tier* const found = find(tier);
  Quota quota{.tier = std::string(tier), .is_unlimited = false, .policies = {}};
  if (found != nullptr && found->is_unlimited && !limit_override) {
    quota.is_unlimited = true;
    return quota;
  }

  std::int64_t tightest = kUnitsPerMinuteMax;
  for (const auto& [name, each] : tiers_) {
    if (!each.is_unlimited && each.units_per_minute > 0) {
      tightest = std::min(tightest, std::int64_t{each.units_per_minute});
    }
  }
  std::int64_t limit = tightest;
  if (found == nullptr) {
    limit = std::min(tightest, limit_override.value_or(tightest));
  } else if (limit_override) {
    limit = *limit_override;
  } else if (found->units_per_minute > 0) {
    limit = found->units_per_minute;
  }
  limit = std::clamp<std::int64_t>(limit, 1, kUnitsPerMinuteMax);
  Policy policy{.limit = static_cast<std::uint32_t>(limit)};
  if (found != nullptr && found->window != policy.window) {
    policy.name = "window";  // "minute" would not be true
    policy.window = found->window;
  }
  quota.policies.push_back(std::move(policy));
  if (found != nullptr && found->daily_scans > 0) {
    quota.policies.push_back({.name = std::string(kScansDay),
                              .limit = found->daily_scans,
                              .window = std::chrono::hours{24},
                              .fixed_cost = call == CallKind::scan ? 1U : 0U});
  }
  return quota;
}

}  // namespace weir::limits

// The table of tiers: what each may spend. From the configuration; the defaults are limits.md section 1.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "limits/quota.h"

namespace weir::limits {

// No limit is above this: a full window costs 4 bytes a unit, so 4 MB for such a key.
inline constexpr std::int64_t kUnitsPerMinuteMax = 1'000'000;

// Not thread-safe: a value.
struct Tier {
  std::string name;
  bool is_unlimited = false;
  std::uint32_t units_per_minute = 0;        // 0: an override gives it ("custom"); without one, the tightest tier's
  std::chrono::milliseconds window{60'000};  // in which the units may be spent: whole seconds
  std::uint32_t concurrent_scans = 0;        // 0 with is_unlimited: no bound
  std::uint32_t concurrent_runs = 0;
  std::uint32_t daily_scans = 0;
};

// What a quota is for: a call that starts a scan spends the daily quota, too; any other only sees it.
enum class CallKind : std::uint8_t { any, scan };

// Immutable.
class Tiers {
 public:
  // free, standard, starter, pro, admin, custom.
  static Tiers defaults();
  explicit Tiers(std::map<std::string, Tier, std::less<>> tiers) : tiers_(std::move(tiers)) {}
  // Null if there is no such tier.
  [[nodiscard]] const Tier* find(std::string_view name) const;
  [[nodiscard]] std::string names() const;  // "admin, custom, free, ..." for messages
  // The minute policy of `tier` and its daily scans, with a key's or account's override of the minute's limit. An
  // unknown tier (the configuration changed under an account) gets the tightest known one, never more. Limits outside 1
  // to kUnitsPerMinuteMax are moved to the nearer end.
  [[nodiscard]] Quota quota_for(std::string_view tier, std::optional<std::int64_t> limit_override,
                                CallKind call = CallKind::any) const;

 private:
  std::map<std::string, Tier, std::less<>> tiers_;
};

}  // namespace weir::limits

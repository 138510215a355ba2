// How often each key called each tool. Counts are kept by the minute for 25 hours, by the hour for 32 days and by the
// day for 400 days; folding moves them, so that a call is in exactly one row. What was called in detail is not here.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

inline constexpr std::chrono::milliseconds kUsageMinute = std::chrono::minutes{1};
inline constexpr std::chrono::milliseconds kUsageHour = std::chrono::hours{1};
inline constexpr std::chrono::milliseconds kUsageDay = std::chrono::hours{24};

// An hour more than the windows of 24 hours needs, two days more than that of 30 days, so that a coarser row never
// reaches into a window that finer rows still fill.
inline constexpr std::chrono::milliseconds kUsageMinutesKept = std::chrono::hours{25};
inline constexpr std::chrono::milliseconds kUsageHoursKept = std::chrono::hours{32 * 24};
inline constexpr std::chrono::milliseconds kUsageDaysKept = std::chrono::hours{400 * 24};

// More tools, keys or days than this are not listed in one answer.
inline constexpr std::int64_t kUsageGroupsMax = 500;

// Not thread-safe: a value.
struct UsageTotals {
  std::int64_t admitted = 0;
  std::int64_t refused = 0;
  friend bool operator==(const UsageTotals&, const UsageTotals&) = default;
};

// Calls of one key of one tool in one minute. Not thread-safe: a value.
struct UsageRow {
  std::string account_id;
  std::string key_id;
  std::string tool;
  UnixMillis minute{};  // its beginning
  UsageTotals calls;
};

// Not thread-safe: a value.
struct UsageWindows {
  UsageTotals last_24h;  // to the minute
  UsageTotals last_7d;   // to the hour
  UsageTotals last_30d;  // to the hour
};

// Whose calls, and when. `key_id` may be empty: all keys of the account. Rows that reach into the time count whole.
// Not thread-safe: a value.
struct UsageFilter {
  std::string account_id;
  std::string key_id;
  UnixMillis from{};
  UnixMillis to{};
};

enum class UsageGroup : std::uint8_t { tool, key, day };

// Not thread-safe: a value.
struct UsageSum {
  std::string name;  // a tool, a key's id, or a day "2026-11-22" (UTC)
  UsageTotals calls;
};

// All functions run inside the caller's transaction.

// Adds to what that minute already has.
Result<void> add_usage(Transaction& transaction, const UsageRow& row);

// Of a key, or of the whole account if `key_id` is empty.
Result<UsageWindows> usage_windows(Transaction& transaction, std::string_view account_id, std::string_view key_id,
                                   UnixMillis now);

// The most called first, days the newest first; at most kUsageGroupsMax.
Result<std::vector<UsageSum>> usage_by(Transaction& transaction, const UsageFilter& filter, UsageGroup group);

// Calls since `since` of each of these keys that made any.
Result<std::map<std::string, UsageTotals>> usage_of_keys(Transaction& transaction,
                                                         const std::vector<std::string>& key_ids, UnixMillis since);

// Moves the oldest minute and the oldest hour that are too old to stay into coarser rows, and drops days beyond their
// time. One minute and one hour at a call, so that other writers never wait long. False if there was nothing to do.
Result<bool> fold_usage(Transaction& transaction, UnixMillis now);

}  // namespace weir::store

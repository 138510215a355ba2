// When scans were made, for the rules about pace: the cooldown of a host and the daily quota of an account.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// The end of the newest scan of any account's target with this host that was started and has ended: the cooldown protects
// the host. Nothing if there is none.
Result<std::optional<UnixMillis>> last_scan_end_of_host(Transaction& transaction, std::string_view host);
// When the account's `n`-th newest scan was queued, n from 1; nothing if there are fewer.
Result<std::optional<UnixMillis>> nth_newest_scan_at(Transaction& transaction, std::string_view account_id,
                                                     std::int64_t n);

// An account's scans of a trailing time. Not thread-safe: a value.
struct ScansOfDay {
  std::int64_t limit = 0;
  std::int64_t started = 0;
  std::optional<UnixMillis> frees_at{};  // when the next place of `limit` frees; nothing while none is taken
};
Result<ScansOfDay> scans_of_day(Transaction& transaction, std::string_view account_id, std::int64_t limit,
                                std::chrono::milliseconds window, UnixMillis now);

}  // namespace weir::store

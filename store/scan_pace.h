// When scans were made, for the rules about pace: the cooldown of a host and the daily quota of an account.
#pragma once
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// The end of the newest scan of any account's target with this host that was started and has ended: the cooldown protects
// the host. Nothing if there is none.
Result<std::optional<UnixMillis>> last_scan_end_of_host(Transaction& transaction, std::string_view host);
// When the account's `n`-th newest scan was queued, n from 1; nothing if there are fewer.
Result<std::optional<UnixMillis>> nth_newest_scan_at(Transaction& transaction, std::string_view account_id, std::int64_t n);

}  // namespace weir::store

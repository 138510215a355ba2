// What an account has running, of one kind: a stored row that has not ended is a lease on one of the places that the tier
// grants. It expires by itself: a row whose work should have ended long ago, and which nobody ended, holds no place.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// A table whose rows are leases: it has the columns id, account_id, status, started_at, finished_at and deadline_at, ids
// in the order of making, and an index on (account_id, status). `active` lists, as SQL, the statuses that hold a place.
struct LeaseTable {
  std::string_view name;
  std::string_view active;
};
inline constexpr LeaseTable kScanLeases{.name = "scans", .active = "'queued', 'running', 'cancelling'"};

// The runner ends work at its deadline; a row that is still open this much later is nobody's.
inline constexpr std::chrono::milliseconds kLeaseGrace{60'000};

// Not thread-safe: a value.
struct Lease {
  std::string id;
  std::string status;
  std::optional<UnixMillis> started_at;
  UnixMillis deadline_at{};
};

// In the order of their ids, the oldest first; at most a thousand, any of them.
Result<std::vector<Lease>> leases_of(Transaction& transaction, const LeaseTable& table, std::string_view account_id,
                                     UnixMillis now);
// The median of how long the account's latest work took that ran to an end; nothing if none did.
Result<std::optional<std::chrono::milliseconds>> usual_time(Transaction& transaction, const LeaseTable& table,
                                                            std::string_view account_id);

}  // namespace weir::store

// One finding in full: the row by its id, the scans that saw it, and how its status moved.
#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"
#include "store/findings_store.h"

namespace weir::store {

// A change of a finding's status. Not thread-safe: a value.
struct FindingEventRow {
  std::string from;
  std::string to;
  std::string by;
  std::string note;
  UnixMillis at{};
};

// Returns not_found if there is none or it belongs to another account.
Result<FindingRow> finding_by_id(Transaction& transaction, std::string_view account_id, std::string_view id);
// Newest scan first, at most `limit`.
Result<std::vector<OccurrenceRow>> occurrences_of(Transaction& transaction, std::string_view finding_id,
                                                  std::int64_t limit);
// Oldest first, the newest `limit` of them.
Result<std::vector<FindingEventRow>> finding_events(Transaction& transaction, std::string_view finding_id,
                                                    std::int64_t limit);

}  // namespace weir::store

// Events of a time range sent once more to one endpoint: those whose delivery failed, and those for which there was none
// because the endpoint was disabled, new, or did not ask for them then.
#pragma once
#include "base/result.h"
#include "store/deliveries_store.h"
#include "tools/services.h"

namespace weir::tools {

// One replay queues at most this many, so that it is one short transaction; the answer says where to go on.
inline constexpr std::int64_t kReplayMax = 1'000;

// Not thread-safe: a value.
struct Replayed {
  std::int64_t queued_again = 0;        // deliveries that there were
  std::int64_t queued_new = 0;          // events that had none
  std::optional<UnixMillis> next_from;  // ask again from here; nothing: the range is done
};

// Returns the database's errors. Events that the log has trimmed are only replayed if their delivery is still there.
Result<Replayed> replay(const Services& services, const store::WebhookRow& webhook, store::DeliveryRange range);

}  // namespace weir::tools

// Who else must learn of an event in the very transaction that logs it: the seam between the event log and webhooks.
#pragma once
#include <string_view>

#include "base/result.h"
#include "store/database.h"
#include "streaming/event.h"

namespace weir::streaming {

// Thread-safe.
class EventOutbox {
 public:
  virtual ~EventOutbox() = default;
  // Called with each event that is appended, before its transaction commits. An error undoes the transaction, so it
  // must be the database's only.
  virtual Result<void> add(store::Transaction& transaction, const Event& event, std::string_view epoch) = 0;
};

}  // namespace weir::streaming

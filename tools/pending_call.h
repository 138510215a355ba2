// A call whose answer comes later: because it waits for a resource to end, or for its slot under the rate limit.
#pragma once

namespace weir::tools {

// A call that may still be waiting; destroying it gives up the wait. Thread-safe.
class PendingCall {
 public:
  virtual ~PendingCall() = default;
};

}  // namespace weir::tools

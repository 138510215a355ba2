// What a watch of an offer holds: its subscription to the hub.
#pragma once
#include <memory>
#include <utility>

#include "server/mcp/watch.h"
#include "streaming/event_hub.h"

namespace weir::mcp_offers {

// Thread-safe.
class HeldSubscription final : public mcp::Watch {
 public:
  explicit HeldSubscription(std::shared_ptr<streaming::Subscription> subscription)
      : subscription_(std::move(subscription)) {}

 private:
  const std::shared_ptr<streaming::Subscription> subscription_;
};

}  // namespace weir::mcp_offers

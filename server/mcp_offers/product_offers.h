// What Weir offers over MCP besides its tools, in one place.
#pragma once
#include "server/mcp/offers.h"
#include "server/mcp_offers/product_skills.h"
#include "server/mcp_offers/scan_resources.h"
#include "server/mcp_offers/scan_tasks.h"

namespace weir::mcp_offers {

// Immutable.
class ProductOffers {
 public:
  // All must outlive this, and this the endpoint.
  ProductOffers(const tools::Catalog& catalog, streaming::EventHub& hub, TimerQueue& timers)
      : catalog_(catalog), resources_(catalog, hub, timers), tasks_(catalog, hub, timers) {}

  mcp::Offers offers();

 private:
  const tools::Catalog& catalog_;
  ScanResources resources_;
  const mcp::SkillSet skills_ = product_skills();
  const mcp::SkilledResources skilled_resources_{skills_, resources_};
  ScanTasks tasks_;
};

}  // namespace weir::mcp_offers

// What Weir offers over MCP besides its tools, in one place.
#pragma once
#include "server/mcp/offers.h"
#include "server/mcp_offers/joined_resources.h"
#include "server/mcp_offers/product_skills.h"
#include "server/mcp_offers/run_resources.h"
#include "server/mcp_offers/scan_resources.h"
#include "server/mcp_offers/work_tasks.h"

namespace weir::mcp_offers {

// Immutable.
class ProductOffers {
 public:
  // All must outlive this, and this the endpoint.
  ProductOffers(const tools::Catalog& catalog, streaming::EventHub& hub, TimerQueue& timers)
      : catalog_(catalog), scans_(catalog, hub, timers), runs_(catalog, hub, timers), tasks_(catalog, hub, timers) {}

  mcp::Offers offers();

 private:
  const tools::Catalog& catalog_;
  ScanResources scans_;
  RunResources runs_;
  const JoinedResources resources_{scans_, runs_, RunResources::kPrefix};
  const mcp::SkillSet skills_ = product_skills();
  const mcp::SkilledResources skilled_resources_{skills_, resources_};
  WorkTasks tasks_;
};

}  // namespace weir::mcp_offers

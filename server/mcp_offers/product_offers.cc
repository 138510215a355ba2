#include "server/mcp_offers/product_offers.h"

#include "server/mcp_offers/run_review.h"
#include "server/mcp_offers/scan_prompts.h"

namespace weir::mcp_offers {

mcp::Offers ProductOffers::offers() {
  mcp::Offers offers;
  offers.resources = &skilled_resources_;
  offers.skills = &skills_;
  offers.prompts = scan_prompts(catalog_);
  offers.tasks = &tasks_;
  if (catalog_.find("respond_run") != nullptr) offers.tools.push_back(review_run(catalog_));
  return offers;
}

}  // namespace weir::mcp_offers

#include "server/mcp_offers/product_skills.h"

#include "base/check.h"

namespace weir::mcp_offers {

mcp::SkillSet product_skills() {
  auto skills = mcp::SkillSet::create("weir", embedded_skill_files());
  CHECK(skills.has_value(), skills ? "" : skills.error().message.c_str());
  return *std::move(skills);
}

}  // namespace weir::mcp_offers

// The prompts that a person picks in a host: what to do with findings, how to mend them, what a check is about.
#pragma once
#include <vector>

#include "server/mcp/prompts.h"
#include "tools/catalog.h"

namespace weir::mcp_offers {

// triage_findings, fix_plan and explain_check. `catalog` must outlive the prompts.
std::vector<mcp::Prompt> scan_prompts(const tools::Catalog& catalog);

}  // namespace weir::mcp_offers

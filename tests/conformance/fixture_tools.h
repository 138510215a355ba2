// The tools, prompts and resources that the conformance suite calls by name. None of them enters the product.
#pragma once
#include <vector>

#include "server/mcp/offers.h"
#include "tests/conformance/fixture_tasks.h"

namespace weir::mcp::fixtures {

// All references must outlive the tools.
std::vector<McpTool> tools(ListChanges& changes, TaskBoard& board);
std::vector<Prompt> prompts();
const ResourceProvider& resources();

}  // namespace weir::mcp::fixtures

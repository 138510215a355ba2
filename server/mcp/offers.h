// What an endpoint offers besides the tool table: one place for the product and for test fixtures to say it.
#pragma once
#include <vector>

#include "server/mcp/list_changes.h"
#include "server/mcp/mcp_tool.h"
#include "server/mcp/prompts.h"
#include "server/mcp/resources.h"
#include "server/mcp/skills.h"
#include "server/mcp/tasks.h"

namespace weir::mcp {

// What is null or empty is not advertised, and its methods do not exist. The pointers must outlive the endpoint.
// Immutable once the endpoint has it.
struct Offers {
  const ResourceProvider* resources = nullptr;
  std::vector<Prompt> prompts = {};
  std::vector<McpTool> tools = {};
  TaskProvider* tasks = nullptr;
  ListChanges* list_changes = nullptr;  // whoever changes a list tells it
  bool has_logging = false;             // notifications/message
  const SkillSet* skills = nullptr;     // whose files are among the resources (SkilledResources)

  [[nodiscard]] bool has_completions() const { return resources != nullptr || !prompts.empty(); }
  // True if there is anything that subscriptions/listen could tell.
  [[nodiscard]] bool has_subscriptions() const {
    return resources != nullptr || tasks != nullptr || list_changes != nullptr;
  }
};

}  // namespace weir::mcp

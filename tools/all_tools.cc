#include "tools/all_tools.h"

#include <iterator>
#include <utility>

#include "tools/account/account_tools.h"
#include "tools/agents/agent_tools.h"
#include "tools/events/event_tools.h"
#include "tools/runs/run_tools.h"
#include "tools/scans/catalogue_tools.h"
#include "tools/scans/comparison_tools.h"
#include "tools/scans/finding_tools.h"
#include "tools/scans/scan_tools.h"
#include "tools/scans/triage_tools.h"
#include "tools/targets/target_tools.h"
#include "tools/webhooks/delivery_tools.h"
#include "tools/webhooks/webhook_tools.h"

namespace weir::tools {

std::vector<Tool> all_tools(const Services& services) {
  std::vector<Tool> tools;
  const auto add = [&tools](std::vector<Tool> more) {
    tools.insert(tools.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  add(target_tools(services));
  add(scans::scan_tools(services));
  add(scans::comparison_tools(services));
  add(scans::finding_tools(services));
  add(scans::triage_tools(services));
  add(scans::catalogue_tools(services));
  if (services.runs != nullptr) {
    add(agents::agent_tools(services));
    add(runs::run_tools(services));
  }
  add(webhook_tools(services));
  add(delivery_tools(services));
  add(event_tools(services));
  const auto apply_costs = [&] {
    for (Tool& tool : tools) {
      const auto cost = services.settings.costs.find(tool.name);
      if (cost != services.settings.costs.end()) tool.cost = cost->second;
    }
  };
  // Twice: get_quota states the costs of the others, and may have one itself.
  apply_costs();
  add(account_tools(services, tools));
  apply_costs();
  return tools;
}

}  // namespace weir::tools

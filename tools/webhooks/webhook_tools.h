// create_webhook, list_webhooks, get_webhook, update_webhook, delete_webhook, rotate_webhook_secret, test_webhook.
#pragma once
#include <vector>

#include "tools/services.h"
#include "tools/tool.h"

namespace weir::tools {

// `services` must outlive the tools.
std::vector<Tool> webhook_tools(const Services& services);

}  // namespace weir::tools

// GET /v1/providers and POST /v1/providers/{provider}/test: REST only, because no model chooses or tests the one that it runs
// on. Providers are added in the configuration, never here.
#pragma once
#include <vector>

#include "tools/models/provider_check.h"
#include "tools/tool.h"

namespace weir::rest {

// Both must outlive the routes. Testing and where a provider is need the scope admin.
std::vector<tools::Tool> provider_routes(const tools::models::ConfiguredProviders& providers,
                                         tools::models::ProviderChecks& checks);

}  // namespace weir::rest

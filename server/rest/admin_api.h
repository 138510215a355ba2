// Accounts, keys, audit and usage over REST: routes that no model gets as a tool. Each is declared like a tool (schemas,
// scope, cost, handler), so that the gate, the checks of arguments and openapi.json treat it as one.
#pragma once
#include <vector>

#include "base/clock.h"
#include "server/gate.h"
#include "server/key_admin.h"
#include "store/database.h"
#include "tools/tool.h"

namespace weir::rest {

// Every member outlives the routes. Not thread-safe: a set of references.
struct AdminParts {
  store::Database& database;
  server::KeyAdmin& keys;
  server::Gate& gate;  // forgets what is changed here, so that it acts at once
  const Clock& clock;
};

// For a catalog of their own. Everything but get_usage needs the scope admin, which reaches every account.
std::vector<tools::Tool> admin_routes(const AdminParts& parts);

}  // namespace weir::rest

// GET /v1/usage: how often the keys of an account called which tools, and how often they were refused.
#pragma once
#include "server/rest/admin_api.h"

namespace weir::rest {

tools::Tool usage_route(const AdminParts& parts);

// The account of an id or a name. Returns not_found, naming the route that lists them.
Result<store::AccountRow> find_account(store::Transaction& transaction, std::string_view account);

}  // namespace weir::rest

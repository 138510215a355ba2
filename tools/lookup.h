// Rows by the ids that callers give: what is not an id, what does not exist and what is another account's all get the
// same not_found, so that nobody learns which ids exist.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/agents_store.h"
#include "store/findings_store.h"
#include "store/runs_store.h"
#include "store/scans_store.h"
#include "store/targets_store.h"
#include "tools/call_context.h"

namespace weir::tools {

Result<store::TargetRow> find_target(store::Transaction& transaction, const CallContext& context, std::string_view id);
Result<store::ScanRow> find_scan(store::Transaction& transaction, const CallContext& context, std::string_view id);
Result<store::FindingRow> find_finding(store::Transaction& transaction, const CallContext& context,
                                       std::string_view id);
Result<store::RunRow> find_run(store::Transaction& transaction, const CallContext& context, std::string_view id);
// By its id or its slug; also a public one of another account.
Result<store::AgentRow> find_agent(store::Transaction& transaction, const CallContext& context,
                                   std::string_view id_or_slug);

}  // namespace weir::tools

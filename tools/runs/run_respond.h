// What a person decides about the tool calls that a run waits for. A decision is bound to the hash of the arguments that the
// person was shown; nothing else is executed. A model cannot decide: no run may call this, whatever its key may do.
#pragma once
#include "base/json.h"
#include "base/result.h"
#include "store/runs_store.h"
#include "tools/call_context.h"
#include "tools/services.h"

namespace weir::tools::runs {

inline constexpr std::int64_t kDecisionsMax = 100;

// `arguments` are respond_run's, validated: run_id and decisions. All decisions are carried out or, if one cannot be, none.
// When no call waits any more, a run that waited goes on. Returns not_found, forbidden (a run asks), validation_failed (a
// decision contradicts itself, edited arguments do not fit the tool) or conflict (the call does not wait any more, or the
// hash is not that of its arguments).
Result<store::RunRow> respond_run(const Services& services, const CallContext& context, const Json& arguments,
                                  store::Transaction& transaction);

}  // namespace weir::tools::runs

// Starting a run: may this account run this agent now on this input, and if so the run, its job and its first event in one
// transaction. How many run at once is not asked here: beyond the tier's number a run is queued.
#pragma once
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "store/runs_store.h"
#include "tools/call_context.h"
#include "tools/runs/run_services.h"
#include "tools/services.h"

namespace weir::tools::runs {

// What an input may take as JSON text; it is stored and shown with the run.
inline constexpr std::size_t kRunInputBytesMax = 65'536;

// Not thread-safe: a value.
struct RunWish {
  std::string agent;                    // id or slug
  std::optional<std::int64_t> version;  // nothing: the current one
  Json input = Json::object();
  Json limits;                                 // null, or the bounds to narrow
  std::optional<std::string> previous_run_id;  // whose conversation it goes on from
};

// A run that may be started, without its id. The agent and its version are those of this moment: a run of an
// agent that is disabled before it begins fails then. Blocks for a read of its
// own: not inside a transaction. Returns not_found (agent, version), validation_failed (input, limits), conflict (the agent
// is disabled, its provider is not configured) or forbidden (a run that wants to start a run).
Result<store::RunRow> prepare_run(const Services& services, const CallContext& context, const RunWish& wish);
// Starts what was prepared. Returns not_found or conflict (a previous run that is none, or has not ended well) or
// concurrency_limit (too many are queued).
Result<store::RunRow> start_run(const Services& services, const CallContext& context, store::RunRow prepared,
                                store::Transaction& transaction);
// A new run of the same version on the same input with the same limits. Refused as both of these.
Result<store::RunRow> replay_run(const Services& services, const CallContext& context, const store::RunRow& original,
                                 store::Transaction& transaction);

// The job that takes a queued run up, in `transaction`: for whoever makes a run `queued`.
Result<void> enqueue_run(const Services& services, const store::RunRow& run, store::Transaction& transaction);

}  // namespace weir::tools::runs

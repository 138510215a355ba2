// How a run ends: the row, the records that it leaves open, its last event, and the place that it frees, in one transaction.
#pragma once
#include <string>

#include "tools/runs/run_parts.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

// Not thread-safe: a value.
struct RunEnding {
  std::string status;  // completed, failed, cancelled, incomplete, expired
  std::string code;    // of failed; of incomplete the reason
  std::string message;
  Json output;
};

// What an engine's outcome means for the run; of completed and incomplete, failed and stopped.
RunEnding ending_of(const EngineOutcome& outcome, const Json& output_schema);

// Writes the end of `run`, as it is stored now. `active_ms` counts what has been worked. A run that is being cancelled ends
// as cancelled, whatever `ending` says; one that has ended is left as it is.
Result<void> store_ending(const RunParts& parts, store::Transaction& transaction, store::RunRow run, RunEnding ending,
                          std::chrono::milliseconds active);

}  // namespace weir::tools::runs

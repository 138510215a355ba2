// The work of a "run" job: takes a place, executes the run with the engine of its kind, and writes its end. A run that waits
// for a person holds no job and no thread.
#pragma once
#include <chrono>
#include <map>
#include <string>

#include "jobs/job_runner.h"
#include "tools/agents/agent_definition.h"
#include "tools/runs/run_parts.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

// A database that could not be written is tried again after this time.
inline constexpr std::chrono::milliseconds kRunRetryDelay{2'000};
// A run that found its account's places taken looks again after this time, unless one is freed before: that wakes it.
inline constexpr std::chrono::milliseconds kPlaceDelay{15'000};

// One engine for each kind of agent.
using Engines = std::map<agents::AgentKind, Engine>;

// Executes the run of the job. May be called from any number of runners at once. `parts` and `engines` outlive the job.
jobs::JobOutcome execute_run_job(const RunParts& parts, const Engines& engines, jobs::JobContext& context);
// The attempts are used up: the run took the process with it, or was interrupted too often. It fails as server_restarted.
void give_up_run_job(const RunParts& parts, jobs::JobContext& context);

}  // namespace weir::tools::runs

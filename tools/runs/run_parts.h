// What the session and the job of a run are made of. Owned by server/app, or by a test.
#pragma once
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "jobs/job_runner.h"
#include "limits/tiers.h"
#include "store/database.h"
#include "streaming/event_log.h"
#include "tools/runs/run_services.h"

namespace weir::tools::runs {

// Not thread-safe: a set of references.
struct RunParts {
  store::Database& database;
  streaming::EventLog& events;
  jobs::JobRunner& jobs;
  IdGenerator& ids;
  Random& random;
  const Clock& clock;
  const limits::Tiers& tiers;
  const RunServices& runs;
};

}  // namespace weir::tools::runs

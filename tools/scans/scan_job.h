// The work of a "scan" job: runs the engine on the job's thread, writes what it reports as events, and ends the scan in
// one transaction with its findings, coverage, grade and last event.
#pragma once
#include <chrono>
#include <functional>

#include "base/clock.h"
#include "base/ids.h"
#include "jobs/job_runner.h"
#include "streaming/event_log.h"
#include "tools/scans/scan_engine.h"
#include "tools/services.h"

namespace weir::tools::scans {

// More scan.progress events than one in this time would tell nobody more.
inline constexpr std::chrono::milliseconds kProgressInterval{500};
// A database that could not be written at a scan's end is tried again after this time.
inline constexpr std::chrono::milliseconds kRetryDelay{2'000};

// ScanEngine::run, or a test's stand-in. May throw: that fails the scan, not the process.
using RunScan = std::function<Result<ScanOutcome>(const ScanPlan&, ScanObserver&, std::stop_token)>;

// Not thread-safe: a value.
struct ScanJobParts {
  streaming::EventLog& events;
  IdGenerator& ids;
  const Clock& clock;
  RunScan run_scan;
};

// The references must outlive the job runner that the handler is given to. A scan that a restart interrupted starts
// again from its beginning: checks only read, so that is safe.
jobs::JobHandler scan_job_handler(ScanJobParts parts);

// The same with the built-in engine, for a program that has its services only after the runner was made.
jobs::JobOutcome run_scan_job(const Services& services, jobs::JobContext& context);
void give_up_scan_job(const Services& services, jobs::JobContext& context);

}  // namespace weir::tools::scans

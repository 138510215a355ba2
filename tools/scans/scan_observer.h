// Turns what the engine reports into events of the scan, and keeps the scan's progress column current.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"
#include "jobs/job_context.h"
#include "store/scans_store.h"
#include "streaming/event_log.h"
#include "tools/scans/scan_engine.h"

namespace weir::tools::scans {

// A failed write is logged and the scan goes on: its end is what counts, and a job that lost its lease is stopped by the
// runner. Not thread-safe: owned by the scan's job.
class EventWriter final : public ScanObserver {
 public:
  // All must outlive the writer.
  EventWriter(jobs::JobContext& context, streaming::EventLog& events, const Clock& clock, store::ScanRow scan)
      : context_(context), events_(events), clock_(clock), scan_(std::move(scan)) {}

  void phase_started(const ScanProgress& progress) override;
  void check_completed(const CoverageRow& row, const ScanProgress& progress) override;
  void finding_detected(const Detection& detection) override;
  // At most one event in kProgressInterval.
  void progressed(const ScanProgress& progress) override;

  [[nodiscard]] const ScanProgress& last() const { return last_; }

 private:
  void write(std::string type, Json data);

  jobs::JobContext& context_;
  streaming::EventLog& events_;
  const Clock& clock_;
  store::ScanRow scan_;
  ScanProgress last_;
  std::optional<std::chrono::steady_clock::time_point> progress_written_at_;
};

}  // namespace weir::tools::scans

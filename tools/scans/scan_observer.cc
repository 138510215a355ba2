#include "tools/scans/scan_observer.h"

#include "base/log.h"
#include "tools/scans/scan_job.h"
#include "tools/scans/scan_views.h"

namespace weir::tools::scans {

void EventWriter::phase_started(const ScanProgress& progress) {
  last_ = progress;
  write("scan.phase", progress_json(progress));
}

void EventWriter::check_completed(const CoverageRow& row, const ScanProgress& progress) {
  last_ = progress;
  write("scan.check.completed", {{"check_id", row.check_id},
                                 {"state", to_string(row.state)},
                                 {"reason", row.reason},
                                 {"checks_done", progress.checks_done},
                                 {"checks_total", progress.checks_total}});
}

void EventWriter::finding_detected(const Detection& detection) {
  const Check* check = find_check(detection.rule_id);
  write("scan.finding.detected", {{"rule_id", detection.rule_id},
                                  {"title", check == nullptr ? "" : std::string(check->rule.title)},
                                  {"severity", to_string(detection.severity)},
                                  {"detail", detection.detail},
                                  {"url", detection.url}});
}

void EventWriter::progressed(const ScanProgress& progress) {
  last_ = progress;
  const auto now = clock_.steady_now();
  if (progress_written_at_ && now - *progress_written_at_ < kProgressInterval) return;
  progress_written_at_ = now;
  write("scan.progress", progress_json(progress));
}

void EventWriter::write(std::string type, Json data) {
  scan_.progress = progress_json(last_);
  scan_.updated_at = clock_.now();
  const Result<void> written = context_.write([&](store::Transaction& transaction) -> Result<void> {
    // A scan that is being cancelled keeps that status: its progress no longer matters.
    const Result<void> stored = store::update_scan(transaction, scan_, {"running"});
    if (!stored && stored.error().code != ErrorCode::conflict) return stored;
    const auto event = events_.append(
        transaction,
        {.account_id = scan_.account_id, .resource_type = "scan", .resource_id = scan_.id, .type = type, .data = data});
    if (!event) return event.error();
    return {};
  });
  if (!written) {
    log::warning(
        "scan.event_lost",
        {{"scan", scan_.id}, {"type", type}, {"message", written.error().message}, {"cause", written.error().cause}});
  }
}

}  // namespace weir::tools::scans

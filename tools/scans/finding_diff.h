// What a scan's detections mean for a target's findings (scans.md section 7): new, recurring, reopened, fixed or not
// tested. Runs inside the transaction that ends the scan.
#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "store/database.h"
#include "store/scans_store.h"
#include "streaming/event.h"
#include "tools/scans/scan_engine.h"
#include "tools/scans/scoring.h"

namespace weir::tools::scans {

// Not thread-safe: a value.
struct DiffSummary {
  Json counts = Json::object();               // by severity, and new, recurring, reopened, fixed, not_tested
  std::vector<ScoredFinding> open_findings;   // seen by this scan and not set aside by a person
  std::vector<streaming::EventDraft> events;  // finding.new, finding.reopened, finding.fixed
};

// Writes findings, occurrences and history. What a person decided about a finding stays, except that an expired
// acceptance ends. A finding is `fixed` only if its rule ran without error in this scan.
Result<DiffSummary> apply_outcome(store::Transaction& transaction, const store::ScanRow& scan,
                                  const ScanOutcome& outcome, UnixMillis now, IdGenerator& ids);

}  // namespace weir::tools::scans

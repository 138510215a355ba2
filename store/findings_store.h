// Findings: one per target and fingerprint, with an occurrence for each scan that saw it and a history.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct FindingRow {
  std::string id;
  std::string account_id;
  std::string target_id;
  std::string fingerprint;
  std::string rule_id;
  std::string engine = "builtin";
  std::string title;
  std::string severity;  // critical, high, medium, low, info
  std::optional<std::string> severity_override;
  std::int64_t cwe = 0;
  std::string url;
  std::string location;
  std::string detail;           // the sub-case of the rule, "" if it has none
  std::string status = "open";  // open in_progress fixed accepted_risk false_positive
  std::string status_reason;
  std::string status_by;
  std::optional<UnixMillis> accepted_until;
  std::string first_seen_scan;
  std::string last_seen_scan;
  UnixMillis first_seen_at{};
  UnixMillis last_seen_at{};
  std::optional<UnixMillis> fixed_at;
  std::int64_t reopened_count = 0;
  std::string precision = "high";
};

struct OccurrenceRow {
  std::string finding_id;
  std::string scan_id;
  std::string diff_state;         // new recurring reopened fixed not_tested
  Json evidence = Json::array();  // {kind, label, value, untrusted, truncated, redacted}
};

struct FindingWithOccurrence {
  FindingRow finding;
  OccurrenceRow occurrence;
};

struct FindingFilter {
  std::string account_id;
  std::string scan_id;  // one of scan_id and target_id
  std::string target_id;
  std::vector<std::string> severities;
  std::string status;
  std::string diff_state;
  std::string rule_id;
};

Result<void> insert_finding(Transaction& transaction, const FindingRow& finding);
Result<void> update_finding(Transaction& transaction, const FindingRow& finding);
Result<std::optional<FindingRow>> finding_by_fingerprint(Transaction& transaction, std::string_view target_id,
                                                         std::string_view fingerprint);
// Every finding of a target, whatever its status.
Result<std::vector<FindingRow>> findings_of_target(Transaction& transaction, std::string_view target_id);
Result<void> put_occurrence(Transaction& transaction, const OccurrenceRow& occurrence);
// What this scan saw, critical first, then by rule and location; `not_tested` and `fixed` rows included.
Result<std::vector<FindingWithOccurrence>> findings_of_scan(Transaction& transaction, std::string_view scan_id);
// Critical first. With scan_id: as that scan saw them; with target_id: as they are now.
Result<Page<FindingWithOccurrence>> list_findings(Transaction& transaction, const FindingFilter& filter,
                                                  const PageRequest& page);
Result<void> insert_finding_event(Transaction& transaction, std::string_view finding_id, std::string_view from,
                                  std::string_view to, std::string_view by, std::string_view note, UnixMillis at);

}  // namespace weir::store

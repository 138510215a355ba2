// Scans and their coverage table.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct ScanRow {
  std::string id;
  std::string account_id;
  std::string created_by_key;
  std::string target_id;
  std::string profile;
  std::vector<std::string> checks;     // asked for explicitly; empty: the profile's
  std::string status = "queued";       // queued running cancelling completed failed cancelled timed_out
  std::optional<std::string> outcome;  // clean, findings, partial
  std::string trigger = "api";         // api, mcp, schedule, run, retest
  std::optional<std::string> baseline_scan_id;
  std::optional<std::string> run_id;     // of the agent run that started it
  std::optional<std::string> retest_of;  // whose findings it looks at again
  Json progress = Json::object();        // scans.md section 7
  Json counts = Json::object();          // by severity, and new, recurring, reopened, fixed, not_tested
  std::optional<std::int64_t> score;
  std::optional<std::string> grade;
  std::optional<std::string> grade_reason;
  std::string grade_algorithm;
  std::string pinned_ip;
  std::string scanner_version;
  std::string ruleset_version;
  std::optional<std::string> error_code;
  std::optional<std::string> error_message;
  UnixMillis queued_at{};
  std::optional<UnixMillis> started_at;
  std::optional<UnixMillis> finished_at;
  UnixMillis deadline_at{};
  UnixMillis updated_at{};
};

// completed, failed, cancelled and timed_out: nothing moves a scan out of these.
bool is_terminal_scan_status(std::string_view status);

struct ScanCheckRow {
  std::string check_id;
  std::string state;  // ran, skipped, error, not_applicable
  std::string reason;
  std::int64_t requests = 0;
  std::int64_t ms = 0;
};

struct ScanFilter {
  std::string account_id;
  std::string target_id;
  std::string status;
  std::string run_id{};  // only those that this run started; "" : any
};

Result<void> insert_scan(Transaction& transaction, const ScanRow& scan);
// Returns not_found if there is none or it belongs to another account.
Result<ScanRow> scan_by_id(Transaction& transaction, std::string_view account_id, std::string_view id);
// For the job that runs it: whatever the account.
Result<ScanRow> scan_for_job(Transaction& transaction, std::string_view id);
// Newest first.
Result<Page<ScanRow>> list_scans(Transaction& transaction, const ScanFilter& filter, const PageRequest& page);
// The queued, running or cancelling scan of the target, if any.
Result<std::optional<ScanRow>> active_scan_of(Transaction& transaction, std::string_view target_id);
Result<std::int64_t> count_active_scans(Transaction& transaction, std::string_view account_id);
// Of all accounts: (status, how many), only those that there are.
Result<std::vector<std::pair<std::string, std::int64_t>>> count_scans_by_status(Transaction& transaction);
Result<std::int64_t> count_scans_since(Transaction& transaction, std::string_view account_id, UnixMillis since);
// The newest completed scan of the same target and profile that was queued before this one.
Result<std::optional<ScanRow>> baseline_of(Transaction& transaction, const ScanRow& scan);
// Writes every column that can change, if the stored status is one of `from`; conflict if it is another.
Result<void> update_scan(Transaction& transaction, const ScanRow& scan, const std::vector<std::string>& from);

// Replaces the scan's coverage table.
Result<void> put_scan_checks(Transaction& transaction, std::string_view scan_id,
                             const std::vector<ScanCheckRow>& checks);
Result<std::vector<ScanCheckRow>> scan_checks(Transaction& transaction, std::string_view scan_id);

}  // namespace weir::store

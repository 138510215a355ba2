#include "store/scans_store.h"

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

constexpr std::string_view kNoScan = "there is no such scan: list the scans to see their ids";
constexpr std::string_view kActiveStatuses = "status IN ('queued', 'running', 'cancelling')";

constexpr std::string_view kScanColumns =
    "id, account_id, created_by_key, target_id, profile, checks, status, outcome, started_by, baseline_scan_id, "
    "progress, counts, score, grade, grade_reason, grade_algorithm, pinned_ip, scanner_version, ruleset_version, "
    "error_code, error_message, queued_at, started_at, finished_at, deadline_at, updated_at, run_id, retest_of";

ScanRow scan_from(const Row& row) {
  return {.id = row.text(0),
          .account_id = row.text(1),
          .created_by_key = row.text(2),
          .target_id = row.text(3),
          .profile = row.text(4),
          .checks = texts_in(row, 5),
          .status = row.text(6),
          .outcome = row.optional_text(7),
          .trigger = row.text(8),
          .baseline_scan_id = row.optional_text(9),
          .run_id = row.optional_text(26),
          .retest_of = row.optional_text(27),
          .progress = row.json(10),
          .counts = row.json(11),
          .score = row.optional_integer(12),
          .grade = row.optional_text(13),
          .grade_reason = row.optional_text(14),
          .grade_algorithm = row.text(15),
          .pinned_ip = row.text(16),
          .scanner_version = row.text(17),
          .ruleset_version = row.text(18),
          .error_code = row.optional_text(19),
          .error_message = row.optional_text(20),
          .queued_at = time_in(row, 21),
          .started_at = optional_time_in(row, 22),
          .finished_at = optional_time_in(row, 23),
          .deadline_at = time_in(row, 24),
          .updated_at = time_in(row, 25)};
}

SqlText select_scans(std::string_view where, std::string_view value) {
  SqlText sql("SELECT ");
  sql.add(kScanColumns).add(" FROM scans WHERE ").add(where, text_value(value));
  return sql;
}

}  // namespace

bool is_terminal_scan_status(std::string_view status) {
  return status == "completed" || status == "failed" || status == "cancelled" || status == "timed_out";
}

Result<void> insert_scan(Transaction& transaction, const ScanRow& scan) {
  const std::string sql = std::string("INSERT INTO scans (")
                              .append(kScanColumns)
                              .append(
                                  ") VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15, :16, "
                                  ":17, :18, :19, :20, :21, :22, "
                                  ":23, :24, :25, :26, :27, :28)");
  return done(transaction.execute(sql, {scan.id,
                                        scan.account_id,
                                        scan.created_by_key,
                                        scan.target_id,
                                        scan.profile,
                                        list_value(scan.checks),
                                        scan.status,
                                        optional_value(scan.outcome),
                                        scan.trigger,
                                        optional_value(scan.baseline_scan_id),
                                        to_text(scan.progress),
                                        to_text(scan.counts),
                                        optional_value(scan.score),
                                        optional_value(scan.grade),
                                        optional_value(scan.grade_reason),
                                        scan.grade_algorithm,
                                        scan.pinned_ip,
                                        scan.scanner_version,
                                        scan.ruleset_version,
                                        optional_value(scan.error_code),
                                        optional_value(scan.error_message),
                                        time_value(scan.queued_at),
                                        time_value(scan.started_at),
                                        time_value(scan.finished_at),
                                        time_value(scan.deadline_at),
                                        time_value(scan.updated_at),
                                        optional_value(scan.run_id),
                                        optional_value(scan.retest_of)}));
}

Result<ScanRow> scan_by_id(Transaction& transaction, std::string_view account_id, std::string_view id) {
  SqlText sql = select_scans("id = ", id);
  sql.add(" AND account_id = ", text_value(account_id));
  return only_row(std::move(sql).query(transaction), scan_from, kNoScan);
}

Result<ScanRow> scan_for_job(Transaction& transaction, std::string_view id) {
  return only_row(select_scans("id = ", id).query(transaction), scan_from, kNoScan);
}

Result<Page<ScanRow>> list_scans(Transaction& transaction, const ScanFilter& filter, const PageRequest& page) {
  SqlText sql = select_scans("account_id = ", filter.account_id);
  if (!filter.target_id.empty()) sql.add(" AND target_id = ", filter.target_id);
  if (!filter.status.empty()) sql.add(" AND status = ", filter.status);
  if (!filter.run_id.empty()) sql.add(" AND run_id = ", filter.run_id);
  if (!page.after_id.empty()) sql.add(" AND id < ", page.after_id);
  sql.add(" ORDER BY id DESC LIMIT ", page_limit(page) + 1);
  auto scans = each_row(std::move(sql).query(transaction), scan_from);
  if (!scans) return std::move(scans).error();
  return page_of(std::move(*scans), page_limit(page), [](const ScanRow& scan) { return scan.id; });
}

Result<std::optional<ScanRow>> active_scan_of(Transaction& transaction, std::string_view target_id) {
  SqlText sql = select_scans("target_id = ", target_id);
  sql.add(" AND ").add(kActiveStatuses).add(" ORDER BY id LIMIT 1");
  return first_row(std::move(sql).query(transaction), scan_from);
}

Result<std::int64_t> count_active_scans(Transaction& transaction, std::string_view account_id) {
  SqlText sql("SELECT COUNT(*) FROM scans WHERE account_id = ");
  sql.add("", text_value(account_id), " AND ").add(kActiveStatuses);
  return only_integer(std::move(sql).query(transaction));
}

Result<std::vector<std::pair<std::string, std::int64_t>>> count_scans_by_status(Transaction& transaction) {
  auto rows = transaction.query("SELECT status, COUNT(*) FROM scans GROUP BY status ORDER BY status");
  if (!rows) return std::move(rows).error();
  std::vector<std::pair<std::string, std::int64_t>> counts;
  for (const Row& row : *rows) counts.emplace_back(row.text(0), row.integer(1));
  return counts;
}

Result<std::int64_t> count_scans_since(Transaction& transaction, std::string_view account_id, UnixMillis since) {
  return only_integer(transaction.query("SELECT COUNT(*) FROM scans WHERE account_id = :1 AND queued_at >= :2",
                                        {text_value(account_id), time_value(since)}));
}

Result<std::optional<ScanRow>> baseline_of(Transaction& transaction, const ScanRow& scan) {
  SqlText sql = select_scans("target_id = ", scan.target_id);
  sql.add(" AND profile = ", scan.profile, " AND status = 'completed'");
  // Ids are in the order of queueing, also within one millisecond.
  sql.add(" AND id < ", scan.id, " ORDER BY id DESC LIMIT 1");
  return first_row(std::move(sql).query(transaction), scan_from);
}

Result<void> update_scan(Transaction& transaction, const ScanRow& scan, const std::vector<std::string>& from) {
  CHECK(!from.empty(), "update_scan needs the statuses from which it may move");
  SqlText sql("UPDATE scans SET status = ");
  sql.add("", scan.status).add(", outcome = ", optional_value(scan.outcome));
  sql.add(", baseline_scan_id = ", optional_value(scan.baseline_scan_id));
  sql.add(", progress = ", to_text(scan.progress)).add(", counts = ", to_text(scan.counts));
  sql.add(", score = ", optional_value(scan.score)).add(", grade = ", optional_value(scan.grade));
  sql.add(", grade_reason = ", optional_value(scan.grade_reason)).add(", grade_algorithm = ", scan.grade_algorithm);
  sql.add(", pinned_ip = ", scan.pinned_ip).add(", scanner_version = ", scan.scanner_version);
  sql.add(", ruleset_version = ", scan.ruleset_version).add(", error_code = ", optional_value(scan.error_code));
  sql.add(", error_message = ", optional_value(scan.error_message));
  sql.add(", started_at = ", time_value(scan.started_at)).add(", finished_at = ", time_value(scan.finished_at));
  sql.add(", deadline_at = ", time_value(scan.deadline_at)).add(", updated_at = ", time_value(scan.updated_at));
  sql.add(" WHERE id = ", scan.id).add_list(" AND status IN ", from);
  auto changed = std::move(sql).execute(transaction);
  if (!changed) return std::move(changed).error();
  if (*changed > 0) return {};

  auto stored = scan_for_job(transaction, scan.id);
  if (!stored) return std::move(stored).error();
  return Error(ErrorCode::conflict, "the scan is already " + stored->status + " and cannot become " + scan.status);
}

Result<void> put_scan_checks(Transaction& transaction, std::string_view scan_id,
                             const std::vector<ScanCheckRow>& checks) {
  auto cleared = transaction.execute("DELETE FROM scan_checks WHERE scan_id = :1", {text_value(scan_id)});
  if (!cleared) return std::move(cleared).error();
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const ScanCheckRow& check = checks[i];
    auto inserted = transaction.execute(
        "INSERT INTO scan_checks (scan_id, position, check_id, state, reason, requests, ms) "
        "VALUES (:1, :2, :3, :4, :5, :6, :7)",
        {text_value(scan_id), static_cast<std::int64_t>(i), check.check_id, check.state, check.reason, check.requests,
         check.ms});
    if (!inserted) return std::move(inserted).error();
  }
  return {};
}

Result<std::vector<ScanCheckRow>> scan_checks(Transaction& transaction, std::string_view scan_id) {
  return each_row(transaction.query("SELECT check_id, state, reason, requests, ms FROM scan_checks "
                                    "WHERE scan_id = :1 ORDER BY position",
                                    {text_value(scan_id)}),
                  [](const Row& row) {
                    return ScanCheckRow{.check_id = row.text(0),
                                        .state = row.text(1),
                                        .reason = row.text(2),
                                        .requests = row.integer(3),
                                        .ms = row.integer(4)};
                  });
}

}  // namespace weir::store

#include "store/finding_history.h"

#include <algorithm>

#include "store/columns.h"

namespace weir::store {

Result<FindingRow> finding_by_id(Transaction& transaction, std::string_view account_id, std::string_view id) {
  const Error missing(ErrorCode::not_found,
                      "There is no finding " + std::string(id) + ". list_findings shows which there are.");
  auto rows = transaction.query("SELECT target_id, fingerprint FROM findings WHERE id = :1 AND account_id = :2",
                                {text_value(id), text_value(account_id)});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return missing;
  auto finding = finding_by_fingerprint(transaction, rows->front().text(0), rows->front().text(1));
  if (!finding) return std::move(finding).error();
  if (!*finding) return missing;
  return std::move(**finding);
}

Result<std::vector<OccurrenceRow>> occurrences_of(Transaction& transaction, std::string_view finding_id,
                                                  std::int64_t limit) {
  // Scan ids sort by the time of their making.
  return each_row(
      transaction.query("SELECT finding_id, scan_id, diff_state, evidence FROM occurrences "
                        "WHERE finding_id = :1 ORDER BY scan_id DESC LIMIT :2",
                        {text_value(finding_id), limit}),
      [](const Row& row) {
        return OccurrenceRow{
            .finding_id = row.text(0), .scan_id = row.text(1), .diff_state = row.text(2), .evidence = row.json(3)};
      });
}

Result<std::vector<FindingEventRow>> finding_events(Transaction& transaction, std::string_view finding_id,
                                                    std::int64_t limit) {
  auto rows = each_row(
      transaction.query("SELECT from_status, to_status, changed_by, note, changed_at FROM finding_events "
                        "WHERE finding_id = :1 ORDER BY position DESC LIMIT :2",
                        {text_value(finding_id), limit}),
      [](const Row& row) {
        return FindingEventRow{
            .from = row.text(0), .to = row.text(1), .by = row.text(2), .note = row.text(3), .at = time_in(row, 4)};
      });
  if (rows) std::reverse(rows->begin(), rows->end());
  return rows;
}

}  // namespace weir::store

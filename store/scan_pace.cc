#include "store/scan_pace.h"

#include "store/columns.h"

namespace weir::store {
namespace {

Result<std::optional<UnixMillis>> only_time(Result<std::vector<Row>> rows) {
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<UnixMillis>();
  return optional_time_in(rows->front(), 0);
}

}  // namespace

Result<std::optional<UnixMillis>> last_scan_end_of_host(Transaction& transaction, std::string_view host) {
  return only_time(
      transaction.query("SELECT MAX(scans.finished_at) FROM scans JOIN targets ON targets.id = scans.target_id "
                        "WHERE targets.host = :1 AND scans.started_at IS NOT NULL",
                        {text_value(host)}));
}

Result<std::optional<UnixMillis>> nth_newest_scan_at(Transaction& transaction, std::string_view account_id, std::int64_t n) {
  return only_time(transaction.query(
      "SELECT queued_at FROM scans WHERE account_id = :1 ORDER BY queued_at DESC LIMIT 1 OFFSET :2",
      {text_value(account_id), n - 1}));
}

}  // namespace weir::store

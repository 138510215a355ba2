#include "store/scan_pace.h"

#include <algorithm>

#include "store/columns.h"
#include "store/scans_store.h"

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

Result<std::optional<UnixMillis>> nth_newest_scan_at(Transaction& transaction, std::string_view account_id,
                                                     std::int64_t n) {
  return only_time(
      transaction.query("SELECT queued_at FROM scans WHERE account_id = :1 ORDER BY queued_at DESC LIMIT 1 OFFSET :2",
                        {text_value(account_id), n - 1}));
}

Result<ScansOfDay> scans_of_day(Transaction& transaction, std::string_view account_id, std::int64_t limit,
                                std::chrono::milliseconds window, UnixMillis now) {
  auto started = count_scans_since(transaction, account_id, now - window);
  if (!started) return std::move(started).error();
  ScansOfDay day{.limit = limit, .started = *started};
  if (day.started == 0) return day;
  // Beyond the limit (a smaller tier by now) the oldest frees nothing when it leaves.
  auto next = nth_newest_scan_at(transaction, account_id, std::clamp<std::int64_t>(limit, 1, day.started));
  if (!next) return std::move(next).error();
  if (*next) day.frees_at = **next + window;
  return day;
}

}  // namespace weir::store

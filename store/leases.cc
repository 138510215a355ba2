#include "store/leases.h"

#include <algorithm>

#include "store/columns.h"

namespace weir::store {
namespace {

constexpr std::int64_t kLeasesMax = 1'000;
// Enough for a middle, few enough that a change of habit shows soon.
constexpr std::int64_t kTimesMax = 5;

}  // namespace

Result<std::vector<Lease>> leases_of(Transaction& transaction, const LeaseTable& table, std::string_view account_id,
                                     UnixMillis now) {
  auto rows = transaction.query("SELECT id, status, started_at, deadline_at FROM " + std::string(table.name) +
                                    " WHERE account_id = :1 AND status IN (" + std::string(table.active) +
                                    ") AND deadline_at > :2 LIMIT :3",
                                {text_value(account_id), time_value(now - kLeaseGrace), kLeasesMax});
  if (!rows) return std::move(rows).error();
  std::vector<Lease> leases;
  for (const Row& row : *rows) {
    leases.push_back({.id = row.text(0),
                      .status = row.text(1),
                      .started_at = optional_time_in(row, 2),
                      .deadline_at = time_in(row, 3)});
  }
  // Not asked of the database, which would walk through all that the account ever had in order to have them sorted.
  std::ranges::sort(leases, {}, &Lease::id);
  return leases;
}

Result<std::optional<std::chrono::milliseconds>> usual_time(Transaction& transaction, const LeaseTable& table,
                                                            std::string_view account_id) {
  auto rows = transaction.query("SELECT finished_at - started_at FROM " + std::string(table.name) +
                                    " WHERE account_id = :1 AND status = 'completed' AND started_at IS NOT NULL AND "
                                    "finished_at IS NOT NULL ORDER BY id DESC LIMIT :2",
                                {text_value(account_id), kTimesMax});
  if (!rows) return std::move(rows).error();
  std::vector<std::int64_t> times;
  for (const Row& row : *rows) times.push_back(row.integer(0));
  if (times.empty()) return std::optional<std::chrono::milliseconds>();
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return std::optional(std::chrono::milliseconds(*middle));
}

}  // namespace weir::store

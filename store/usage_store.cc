#include "store/usage_store.h"

#include <algorithm>
#include <array>

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

using std::chrono::milliseconds;

// Parameters of one IN list.
constexpr std::size_t kKeysPerStatement = 500;
constexpr std::string_view kAdd =
    " ON CONFLICT (key_id, tool, span_ms, starts_at) DO UPDATE SET admitted = usage_counts.admitted + "
    "excluded.admitted, "
    "refused = usage_counts.refused + excluded.refused";
constexpr std::string_view kSums = "CAST(SUM(admitted) AS BIGINT), CAST(SUM(refused) AS BIGINT)";

UsageTotals totals_in(const Row& row, std::size_t first) {
  return {.admitted = row.integer(first), .refused = row.integer(first + 1)};
}

std::int64_t floor_to(std::int64_t time_ms, milliseconds span) { return time_ms - time_ms % span.count(); }

// Moves the oldest instant of rows of `from` that ended before `before` into rows of `to`.
Result<bool> fold(Transaction& transaction, milliseconds from, milliseconds to, UnixMillis before) {
  auto oldest = transaction.query("SELECT MIN(starts_at) FROM usage_counts WHERE span_ms = :1 AND starts_at < :2",
                                  {from.count(), time_value(before)});
  if (!oldest) return std::move(oldest).error();
  if (oldest->empty() || oldest->front().is_null(0)) return false;
  const std::int64_t starts_at = oldest->front().integer(0);

  SqlText sum(
      "INSERT INTO usage_counts (key_id, tool, span_ms, starts_at, account_id, admitted, refused) "
      "SELECT key_id, tool, ");
  sum.add("CAST(", to.count(), " AS BIGINT), ")
      .add("CAST(", floor_to(starts_at, to), " AS BIGINT), MAX(account_id), ")
      .add(kSums);
  sum.add(" FROM usage_counts WHERE span_ms = ", from.count()).add(" AND starts_at = ", starts_at);
  sum.add(" GROUP BY key_id, tool").add(kAdd);
  if (auto added = std::move(sum).execute(transaction); !added) return std::move(added).error();
  return changed_any(
      transaction.execute("DELETE FROM usage_counts WHERE span_ms = :1 AND starts_at = :2", {from.count(), starts_at}));
}

}  // namespace

Result<void> add_usage(Transaction& transaction, const UsageRow& row) {
  SqlText sql("INSERT INTO usage_counts (key_id, tool, span_ms, starts_at, account_id, admitted, refused) VALUES (");
  sql.add("", row.key_id, ", ").add("", row.tool, ", ").add("", kUsageMinute.count(), ", ");
  sql.add("", floor_to(to_unix_ms(row.minute), kUsageMinute), ", ").add("", row.account_id, ", ");
  sql.add("", row.calls.admitted, ", ").add("", row.calls.refused, ")").add(kAdd);
  return done(std::move(sql).execute(transaction));
}

Result<UsageWindows> usage_windows(Transaction& transaction, std::string_view account_id, std::string_view key_id,
                                   UnixMillis now) {
  const std::array<UnixMillis, 3> since = {now - kUsageDay, now - 7 * kUsageDay, now - 30 * kUsageDay};
  SqlText sql("SELECT ");
  for (std::size_t i = 0; i < since.size(); ++i) {
    for (const std::string_view column :
         {" THEN admitted ELSE 0 END) AS BIGINT)", " THEN refused ELSE 0 END) AS BIGINT)"}) {
      if (i > 0 || column.starts_with(" THEN refused")) sql.add(", ");
      sql.add("CAST(SUM(CASE WHEN starts_at + span_ms > ", time_value(since[i]), column);
    }
  }
  sql.add(" FROM usage_counts WHERE account_id = ", text_value(account_id));
  if (!key_id.empty()) sql.add(" AND key_id = ", text_value(key_id));
  // No row is longer than a day.
  sql.add(" AND starts_at > ", time_value(since.back() - kUsageDay));
  return only_row(
      std::move(sql).query(transaction),
      [](const Row& row) {
        return UsageWindows{.last_24h = totals_in(row, 0), .last_7d = totals_in(row, 2), .last_30d = totals_in(row, 4)};
      },
      "a sum has a row");
}

Result<std::vector<UsageSum>> usage_by(Transaction& transaction, const UsageFilter& filter, UsageGroup group) {
  const std::string_view name = group == UsageGroup::tool  ? "tool"
                                : group == UsageGroup::key ? "key_id"
                                                           : "starts_at / 86400000";
  SqlText sql("SELECT ");
  sql.add(name).add(" AS name, ").add(kSums);
  sql.add(" FROM usage_counts WHERE account_id = ", filter.account_id);
  if (!filter.key_id.empty()) sql.add(" AND key_id = ", filter.key_id);
  sql.add(" AND starts_at < ", time_value(filter.to)).add(" AND starts_at + span_ms > ", time_value(filter.from));
  sql.add(" GROUP BY ").add(name);
  sql.add(group == UsageGroup::day ? " ORDER BY name DESC" : " ORDER BY SUM(admitted) + SUM(refused) DESC, name");
  sql.add(" LIMIT ", kUsageGroupsMax);
  return each_row(std::move(sql).query(transaction), [group](const Row& row) {
    constexpr std::size_t kDateCharacters = 10;
    const bool is_day = group == UsageGroup::day;
    return UsageSum{
        .name = is_day ? to_rfc3339(from_unix_ms(row.integer(0) * kUsageDay.count())).substr(0, kDateCharacters)
                       : row.text(0),
        .calls = totals_in(row, 1)};
  });
}

Result<std::map<std::string, UsageTotals>> usage_of_keys(Transaction& transaction,
                                                         const std::vector<std::string>& key_ids, UnixMillis since) {
  std::map<std::string, UsageTotals> calls;
  for (std::size_t first = 0; first < key_ids.size(); first += kKeysPerStatement) {
    const auto begin = key_ids.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = key_ids.begin() + static_cast<std::ptrdiff_t>(std::min(key_ids.size(), first + kKeysPerStatement));
    SqlText sql("SELECT key_id, ");
    sql.add(kSums).add_list(" FROM usage_counts WHERE key_id IN ", std::vector<std::string>(begin, end));
    sql.add(" AND starts_at + span_ms > ", time_value(since), " GROUP BY key_id");
    auto rows = std::move(sql).query(transaction);
    if (!rows) return std::move(rows).error();
    for (const Row& row : *rows) calls[row.text(0)] = totals_in(row, 1);
  }
  return calls;
}

Result<bool> fold_usage(Transaction& transaction, UnixMillis now) {
  auto minutes = fold(transaction, kUsageMinute, kUsageHour, now - kUsageMinutesKept);
  if (!minutes) return minutes;
  auto hours = fold(transaction, kUsageHour, kUsageDay, now - kUsageHoursKept);
  if (!hours) return hours;
  auto days = changed_any(transaction.execute("DELETE FROM usage_counts WHERE span_ms = :1 AND starts_at < :2",
                                              {kUsageDay.count(), time_value(now - kUsageDaysKept)}));
  if (!days) return days;
  return *minutes || *hours || *days;
}

}  // namespace weir::store

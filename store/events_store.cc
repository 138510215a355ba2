#include "store/events_store.h"

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

// More than a caller may ask for at once, so that one answer stays small.
constexpr std::int64_t kEventsLimitMax = 1'000;

EventRow event_from(const Row& row) {
  return {.account_id = row.text(0),
          .resource_type = row.text(1),
          .resource_id = row.text(2),
          .seq = row.integer(3),
          .account_seq = row.integer(4),
          .type = row.text(5),
          .at = time_in(row, 6),
          .data = row.json(7)};
}

Result<EventCounters> counters_of(Result<std::vector<Row>> rows) {
  auto counters = first_row(std::move(rows), [](const Row& row) {
    return EventCounters{.last = row.integer(0), .trimmed_through = row.integer(1)};
  });
  if (!counters) return std::move(counters).error();
  return counters->value_or(EventCounters{});
}

// In one statement: a statement costs more than a row, and each number of rows is a statement of its own.
constexpr std::size_t kRowsAtOnceMax = 8;

Result<void> insert_events(Transaction& transaction, std::span<const EventRow> events) {
  SqlText sql("INSERT INTO events (resource_id, seq, resource_type, account_id, account_seq, type, at, data) VALUES ");
  std::string_view before = "(";
  for (const EventRow& event : events) {
    sql.add(before, event.resource_id).add(", ", event.seq).add(", ", event.resource_type);
    sql.add(", ", event.account_id).add(", ", event.account_seq).add(", ", event.type);
    sql.add(", ", time_value(event.at)).add(", ", to_text(event.data), ")");
    before = ", (";
  }
  return done(std::move(sql).execute(transaction));
}

// A resource as retention sees it.
struct Aged {
  std::string resource_id;
  std::int64_t last = 0;
  std::int64_t trimmed_through = 0;
};

// The newest event of `resource` that `keeping` lets go, at most kTrimmedEventsMax behind what is trimmed already.
Result<std::int64_t> outdated_through(Transaction& transaction, const Aged& resource, const EventKeeping& keeping) {
  const std::int64_t farthest = resource.trimmed_through + kTrimmedEventsMax;
  const std::int64_t by_count = std::min(resource.last - keeping.per_resource, farthest);
  // Times follow the sequence: the newest old one is the end of a run of old ones.
  auto by_age = only_integer(
      transaction.query("SELECT COALESCE(MAX(seq), 0) FROM events WHERE resource_id = :1 AND seq <= :2 AND at < :3",
                        {resource.resource_id, farthest, time_value(keeping.since)}));
  if (!by_age) return std::move(by_age).error();
  return std::max(by_count, *by_age);
}

// Takes the data from events of the resource that are kept for less long. The number of events.
Result<std::int64_t> empty_short_lived(Transaction& transaction, const std::string& resource_id,
                                       const std::vector<ShortLivedEvents>& short_lived) {
  std::int64_t emptied = 0;
  for (const ShortLivedEvents& kind : short_lived) {
    auto some = transaction.execute(
        "UPDATE events SET data = :1 WHERE resource_id = :2 AND seq IN (SELECT seq FROM events WHERE resource_id = :3 "
        "AND resource_type = :4 AND type = :5 AND at < :6 AND data <> :7 ORDER BY seq LIMIT :8)",
        {text_value(kTrimmedEventData), resource_id, resource_id, kind.resource_type, kind.type, time_value(kind.since),
         text_value(kTrimmedEventData), kTrimmedEventsMax});
    if (!some) return some;
    emptied += *some;
  }
  return emptied;
}

Result<std::vector<std::pair<std::string, std::int64_t>>> last_seqs(Transaction& transaction, std::string_view select,
                                                                    const std::vector<std::string>& ids) {
  if (ids.empty()) return std::vector<std::pair<std::string, std::int64_t>>();
  SqlText sql(select);
  sql.add_list(" IN ", ids);
  return each_row(std::move(sql).query(transaction),
                  [](const Row& row) { return std::pair(row.text(0), row.integer(1)); });
}

}  // namespace

Result<std::vector<std::pair<std::string, std::int64_t>>> last_seqs_of_resources(Transaction& transaction,
                                                                                 const std::vector<std::string>& ids) {
  return last_seqs(transaction, "SELECT resource_id, last_seq FROM event_counters WHERE resource_id", ids);
}

Result<std::vector<std::pair<std::string, std::int64_t>>> last_seqs_of_accounts(Transaction& transaction,
                                                                                const std::vector<std::string>& ids) {
  return last_seqs(transaction, "SELECT account_id, last_seq FROM account_event_counters WHERE account_id", ids);
}

Result<void> append_events(Transaction& transaction, std::span<EventRow> events) {
  if (events.empty()) return {};
  const EventRow& first = events.front();
  // Writers take turns, so numbers are given in the order of the commits, and a rollback takes none.
  auto last = only_row(
      transaction.query("SELECT (SELECT last_seq FROM event_counters WHERE resource_id = :1), "
                        "(SELECT last_seq FROM account_event_counters WHERE account_id = :2)",
                        {first.resource_id, first.account_id}),
      [](const Row& row) { return std::pair(row.integer(0), row.integer(1)); }, "a SELECT without a row");
  if (!last) return std::move(last).error();
  auto [seq, account_seq] = *last;
  for (EventRow& event : events) {
    CHECK(event.resource_id == first.resource_id && event.account_id == first.account_id,
          "events that are added together are of one resource");
    event.seq = ++seq;
    event.account_seq = ++account_seq;
  }
  auto counted = transaction.execute(
      "INSERT INTO event_counters (resource_id, last_seq, trimmed_through) VALUES (:1, :2, 0) "
      "ON CONFLICT (resource_id) DO UPDATE SET last_seq = excluded.last_seq",
      {first.resource_id, seq});
  if (!counted) return std::move(counted).error();
  counted = transaction.execute(
      "INSERT INTO account_event_counters (account_id, last_seq) VALUES (:1, :2) "
      "ON CONFLICT (account_id) DO UPDATE SET last_seq = excluded.last_seq",
      {first.account_id, account_seq});
  if (!counted) return std::move(counted).error();
  for (std::size_t at = 0; at < events.size(); at += kRowsAtOnceMax) {
    auto stored = insert_events(transaction, events.subspan(at, std::min(kRowsAtOnceMax, events.size() - at)));
    if (!stored) return stored;
  }
  return {};
}

Result<std::vector<EventRow>> events_after(Transaction& transaction, std::string_view resource_id, std::int64_t after,
                                           std::int64_t limit) {
  return each_row(
      transaction.query("SELECT account_id, resource_type, resource_id, seq, account_seq, type, at, data FROM events "
                        "WHERE resource_id = :1 AND seq > :2 ORDER BY seq LIMIT :3",
                        {text_value(resource_id), after, std::clamp<std::int64_t>(limit, 1, kEventsLimitMax)}),
      event_from);
}

Result<std::int64_t> last_event_seq(Transaction& transaction, std::string_view resource_id) {
  return only_integer(
      transaction.query("SELECT last_seq FROM event_counters WHERE resource_id = :1", {text_value(resource_id)}));
}

Result<EventCounters> resource_event_counters(Transaction& transaction, std::string_view resource_id) {
  return counters_of(transaction.query("SELECT last_seq, trimmed_through FROM event_counters WHERE resource_id = :1",
                                       {text_value(resource_id)}));
}

Result<EventCounters> account_event_counters(Transaction& transaction, std::string_view account_id) {
  return counters_of(transaction.query(
      "SELECT last_seq, trimmed_through FROM account_event_counters WHERE account_id = :1", {text_value(account_id)}));
}

Result<EventRange> event_range(Transaction& transaction, std::string_view resource_id) {
  auto counters = resource_event_counters(transaction, resource_id);
  if (!counters) return std::move(counters).error();
  if (counters->last == 0) return EventRange{};
  return EventRange{.first = counters->trimmed_through + 1, .last = counters->last};
}

Result<std::vector<EventRow>> account_events_after(Transaction& transaction, std::string_view account_id,
                                                   std::int64_t after, std::int64_t limit) {
  return each_row(
      transaction.query("SELECT account_id, resource_type, resource_id, seq, account_seq, type, at, data FROM events "
                        "WHERE account_id = :1 AND account_seq > :2 ORDER BY account_seq LIMIT :3",
                        {text_value(account_id), after, std::clamp<std::int64_t>(limit, 1, kEventsLimitMax)}),
      event_from);
}

Result<void> trim_events(Transaction& transaction, std::string_view resource_id, std::int64_t through) {
  auto range = event_range(transaction, resource_id);
  if (!range) return std::move(range).error();
  const std::int64_t last_trimmed = std::min(through, range->last - 1);
  if (last_trimmed < range->first) return {};
  auto remembered = transaction.execute("UPDATE event_counters SET trimmed_through = :1 WHERE resource_id = :2",
                                        {last_trimmed, text_value(resource_id)});
  if (!remembered) return std::move(remembered).error();
  // The account's sequence gets holes up to the newest of these events.
  auto newest =
      first_row(transaction.query("SELECT account_id, account_seq FROM events WHERE resource_id = :1 AND seq <= :2 "
                                  "ORDER BY seq DESC LIMIT 1",
                                  {text_value(resource_id), last_trimmed}),
                [](const Row& row) { return std::pair(row.text(0), row.integer(1)); });
  if (!newest) return std::move(newest).error();
  if (*newest) {
    remembered = transaction.execute(
        "UPDATE account_event_counters SET trimmed_through = :1 WHERE account_id = :2 AND trimmed_through < :3",
        {(*newest)->second, (*newest)->first, (*newest)->second});
    if (!remembered) return std::move(remembered).error();
  }
  return done(transaction.execute("DELETE FROM events WHERE resource_id = :1 AND seq <= :2",
                                  {text_value(resource_id), last_trimmed}));
}

Result<EventTrim> trim_old_events(Transaction& transaction, std::string_view after_resource_id,
                                  std::int64_t resources_max, const EventKeeping& keeping) {
  auto resources = each_row(
      transaction.query("SELECT resource_id, last_seq, trimmed_through FROM event_counters WHERE resource_id > :1 "
                        "ORDER BY resource_id LIMIT :2",
                        {text_value(after_resource_id), resources_max}),
      [](const Row& row) {
        return Aged{.resource_id = row.text(0), .last = row.integer(1), .trimmed_through = row.integer(2)};
      });
  if (!resources) return std::move(resources).error();
  EventTrim trim;
  for (const Aged& resource : *resources) {
    trim.last_resource_id = resource.resource_id;
    // The newest event stays, so this one has nothing left to delete.
    if (resource.trimmed_through >= resource.last - 1) continue;
    auto through = outdated_through(transaction, resource, keeping);
    if (!through) return std::move(through).error();
    const std::int64_t count = std::min(*through, resource.last - 1) - resource.trimmed_through;
    if (count > 0) {
      if (auto trimmed = trim_events(transaction, resource.resource_id, *through); !trimmed) {
        return std::move(trimmed).error();
      }
      trim.trimmed += count;
    }
    auto emptied = empty_short_lived(transaction, resource.resource_id, keeping.short_lived);
    if (!emptied) return std::move(emptied).error();
    trim.emptied += *emptied;
    if (trim.trimmed + trim.emptied >= kTrimmedEventsMax) return trim;
  }
  if (std::cmp_less(resources->size(), resources_max)) trim.last_resource_id.clear();
  return trim;
}

Result<std::string> event_epoch(Transaction& transaction) {
  return only_row(
      transaction.query("SELECT value FROM meta WHERE name = 'event_epoch'"),
      [](const Row& row) { return row.text(0); }, "the database has no event epoch: restore a backup");
}

}  // namespace weir::store

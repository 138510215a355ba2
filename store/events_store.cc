#include "store/events_store.h"

#include "store/columns.h"

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

}  // namespace

Result<void> append_event(Transaction& transaction, EventRow& event) {
  // The counter's row is locked until the commit, so numbers are given in commit order and a rollback takes none.
  auto seq = only_integer(transaction.query(
      "INSERT INTO event_counters (resource_id, last_seq, trimmed_through) VALUES (:1, 1, 0) "
      "ON CONFLICT (resource_id) DO UPDATE SET last_seq = event_counters.last_seq + 1 RETURNING last_seq",
      {event.resource_id}));
  if (!seq) return std::move(seq).error();
  auto account_seq = only_integer(transaction.query(
      "INSERT INTO account_event_counters (account_id, last_seq) VALUES (:1, 1) "
      "ON CONFLICT (account_id) DO UPDATE SET last_seq = account_event_counters.last_seq + 1 RETURNING last_seq",
      {event.account_id}));
  if (!account_seq) return std::move(account_seq).error();
  event.seq = *seq;
  event.account_seq = *account_seq;
  return done(transaction.execute(
      "INSERT INTO events (resource_id, seq, resource_type, account_id, account_seq, type, at, data) "
      "VALUES (:1, :2, :3, :4, :5, :6, :7, :8)",
      {event.resource_id, event.seq, event.resource_type, event.account_id, event.account_seq, event.type,
       time_value(event.at), to_text(event.data)}));
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
  return only_integer(transaction.query("SELECT last_seq FROM event_counters WHERE resource_id = :1",
                                        {text_value(resource_id)}));
}

Result<EventRange> event_range(Transaction& transaction, std::string_view resource_id) {
  auto range = first_row(
      transaction.query("SELECT trimmed_through, last_seq FROM event_counters WHERE resource_id = :1",
                        {text_value(resource_id)}),
      [](const Row& row) { return EventRange{.first = row.integer(0) + 1, .last = row.integer(1)}; });
  if (!range) return std::move(range).error();
  return range->value_or(EventRange{});
}

Result<void> trim_events(Transaction& transaction, std::string_view resource_id, std::int64_t through) {
  auto range = event_range(transaction, resource_id);
  if (!range) return std::move(range).error();
  const std::int64_t last_trimmed = std::min(through, range->last - 1);
  if (last_trimmed < range->first) return {};
  auto remembered = transaction.execute("UPDATE event_counters SET trimmed_through = :1 WHERE resource_id = :2",
                                        {last_trimmed, text_value(resource_id)});
  if (!remembered) return std::move(remembered).error();
  return done(transaction.execute("DELETE FROM events WHERE resource_id = :1 AND seq <= :2",
                                  {text_value(resource_id), last_trimmed}));
}

Result<std::string> event_epoch(Transaction& transaction) {
  return only_row(
      transaction.query("SELECT value FROM meta WHERE name = 'event_epoch'"),
      [](const Row& row) { return row.text(0); }, "the database has no event epoch: restore a backup");
}

}  // namespace weir::store

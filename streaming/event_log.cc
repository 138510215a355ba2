#include "streaming/event_log.h"

#include <charconv>

#include "streaming/sse.h"

namespace weir::streaming {
namespace {

Event event_from(store::EventRow row) {
  return {.account_id = std::move(row.account_id),
          .resource_type = std::move(row.resource_type),
          .resource_id = std::move(row.resource_id),
          .seq = row.seq,
          .account_seq = row.account_seq,
          .type = std::move(row.type),
          .at = row.at,
          .data = std::move(row.data)};
}

}  // namespace

Result<std::unique_ptr<EventLog>> EventLog::open(store::Database& database, EventHub& hub, const Clock& clock) {
  auto epoch = database.read_for(store::event_epoch);
  if (!epoch) return std::move(epoch).error();
  return std::unique_ptr<EventLog>(new EventLog(database, hub, clock, std::move(*epoch)));
}

EventLog::EventLog(store::Database& database, EventHub& hub, const Clock& clock, std::string epoch)
    : database_(database), hub_(hub), clock_(clock), epoch_(std::move(epoch)) {}

Result<Event> EventLog::append(store::Transaction& transaction, EventDraft draft) {
  store::EventRow row{.account_id = std::move(draft.account_id),
                      .resource_type = std::move(draft.resource_type),
                      .resource_id = std::move(draft.resource_id),
                      .type = std::move(draft.type),
                      .at = clock_.now(),
                      .data = std::move(draft.data)};
  if (auto appended = store::append_event(transaction, row); !appended) return std::move(appended).error();
  auto event = std::make_shared<const Event>(event_from(std::move(row)));
  Event copy = *event;
  // Callbacks run in the order of the commits, so the hub hears each resource in the order of seq.
  transaction.on_commit([this, event = std::move(event)] {
    hub_.publish({.event = event, .frame = frame_of(*event)});
  });
  return copy;
}

Result<std::vector<Event>> EventLog::read_after(std::string_view resource_id, std::int64_t after,
                                                std::int64_t limit) {
  auto rows = database_.read_for([&](store::Transaction& transaction) {
    return store::events_after(transaction, resource_id, after, std::clamp<std::int64_t>(limit, 1, kReadLimitMax));
  });
  if (!rows) return std::move(rows).error();
  std::vector<Event> events;
  events.reserve(rows->size());
  for (store::EventRow& row : *rows) events.push_back(event_from(std::move(row)));
  return events;
}

Result<std::int64_t> EventLog::last_seq(std::string_view resource_id) {
  return database_.read_for(
      [&](store::Transaction& transaction) { return store::last_event_seq(transaction, resource_id); });
}

Result<std::optional<Event>> EventLog::last_event(std::string_view resource_id) {
  auto rows = database_.read_for([&](store::Transaction& transaction) -> Result<std::vector<store::EventRow>> {
    auto last = store::last_event_seq(transaction, resource_id);
    if (!last) return std::move(last).error();
    return store::events_after(transaction, resource_id, *last - 1, 1);
  });
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<Event>();
  return std::optional<Event>(event_from(std::move(rows->front())));
}

Result<store::EventRange> EventLog::range(std::string_view resource_id) {
  return database_.read_for(
      [&](store::Transaction& transaction) { return store::event_range(transaction, resource_id); });
}

std::string EventLog::id_of(std::int64_t seq) const { return epoch_ + "-" + std::to_string(seq); }

std::string EventLog::id_of(const Event& event) const { return id_of(event.seq); }

Json EventLog::to_json(const Event& event) const {
  return {{"id", id_of(event)},
          {"seq", event.seq},
          {"type", event.type},
          {"resource", event.resource_id},
          {"account", event.account_id},
          {"ts", to_rfc3339(event.at)},
          {"data", event.data}};
}

std::shared_ptr<const std::string> EventLog::frame_of(const Event& event) const {
  return std::make_shared<const std::string>(
      encode_sse({.id = id_of(event), .type = event.type, .data = to_text(to_json(event)), .retry = std::nullopt}));
}

std::optional<std::int64_t> EventLog::seq_of(std::string_view id) const {
  if (!id.starts_with(epoch_) || id.size() <= epoch_.size() || id[epoch_.size()] != '-') return std::nullopt;
  id.remove_prefix(epoch_.size() + 1);
  std::int64_t seq = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), seq);
  if (error != std::errc{} || end != id.data() + id.size() || seq < 0) return std::nullopt;
  return seq;
}

}  // namespace weir::streaming

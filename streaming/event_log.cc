#include "streaming/event_log.h"

#include <charconv>

#include "base/log.h"
#include "streaming/event_envelope.h"
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

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
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
  std::vector<EventDraft> drafts;
  drafts.push_back(std::move(draft));
  auto events = add(transaction, std::move(drafts));
  if (!events) return std::move(events).error();
  return *events->front();
}

Result<void> EventLog::append_all(store::Transaction& transaction, std::vector<EventDraft> drafts) {
  if (drafts.empty()) return {};
  if (auto events = add(transaction, std::move(drafts)); !events) return std::move(events).error();
  return {};
}

Result<EventLog::Events> EventLog::add(store::Transaction& transaction, std::vector<EventDraft> drafts) {
  std::vector<store::EventRow> rows;
  rows.reserve(drafts.size());
  for (EventDraft& draft : drafts) {
    if (find_event_type(draft.type) == nullptr) {
#ifndef NDEBUG
      return internal_error("the event type " + draft.type + " is missing in streaming/event_types.cc");
#else
      log::error("events.unknown_type", {{"type", draft.type}});
#endif
    }
    rows.push_back({.account_id = std::move(draft.account_id),
                    .resource_type = std::move(draft.resource_type),
                    .resource_id = std::move(draft.resource_id),
                    .type = std::move(draft.type),
                    .at = clock_.now(),
                    .data = std::move(draft.data)});
  }
  if (auto appended = store::append_events(transaction, rows); !appended) return std::move(appended).error();
  Events events;
  events.reserve(rows.size());
  for (store::EventRow& row : rows) {
    events.push_back(std::make_shared<const Event>(event_from(std::move(row))));
    if (outbox_ == nullptr) continue;
    if (auto queued = outbox_->add(transaction, *events.back(), epoch_); !queued) return std::move(queued).error();
  }
  // Callbacks run in the order of the commits, so the hub hears each resource in the order of seq.
  transaction.on_commit([this, events] {
    for (const auto& event : events) {
      hub_.publish(event, [this](std::shared_ptr<const Event> encoded) { return published(std::move(encoded)); });
    }
  });
  return events;
}

Result<EventPage> EventLog::read(const Feed& feed, std::int64_t after, std::int64_t limit) {
  return database_.read_for([&](store::Transaction& transaction) -> Result<EventPage> {
    const bool is_resource = feed.kind == Feed::Kind::resource;
    const std::int64_t rows_max = std::clamp<std::int64_t>(limit, 1, kReadLimitMax);
    auto counters = is_resource ? store::resource_event_counters(transaction, feed.id)
                                : store::account_event_counters(transaction, feed.id);
    if (!counters) return std::move(counters).error();
    EventPage page{.events = {}, .last = counters->last, .trimmed_through = counters->trimmed_through};
    if (after >= page.last) return page;
    auto rows = is_resource ? store::events_after(transaction, feed.id, after, rows_max)
                            : store::account_events_after(transaction, feed.id, after, rows_max);
    if (!rows) return std::move(rows).error();
    page.events.reserve(rows->size());
    for (store::EventRow& row : *rows) page.events.push_back(event_from(std::move(row)));
    return page;
  });
}

Result<EventSelection> EventLog::select(const Feed& feed, const EventFilter& filter, std::string_view position,
                                        std::int64_t limit) {
  EventSelection selection;
  const auto asked = position.empty() ? std::optional<std::int64_t>(0) : seq_at(feed.kind, position);
  std::int64_t at = asked.value_or(0);
  bool is_foreign = !asked;
  const std::int64_t rows_max = filter.is_empty() ? limit : kReadLimitMax;
  for (std::int64_t looked_at = 0; looked_at < kSelectedFromMax;) {
    auto page = read(feed, at, rows_max);
    if (!page) return std::move(page).error();
    selection.last = page->last;
    if (looked_at == 0 && at > page->last) {
      // Of another history: a database that was restored has given fewer numbers.
      is_foreign = true;
      at = 0;
      if (page = read(feed, at, rows_max); !page) return std::move(page).error();
    }
    if (looked_at == 0 && !position.empty()) {
      const std::int64_t first = page->events.empty() ? page->last + 1 : feed.seq_of(page->events.front());
      if (is_foreign || first != at + 1) {
        selection.gap = EventGap{
            .requested = printable(position), .first_available = first, .trimmed_through = page->trimmed_through};
      }
    }
    for (Event& event : page->events) {
      at = feed.seq_of(event);
      if (filter.takes(event)) selection.events.push_back(std::move(event));
      if (std::cmp_greater_equal(selection.events.size(), limit)) break;
    }
    if (at < page->last)
      selection.next_after = at;
    else
      selection.next_after.reset();
    if (!selection.next_after || std::cmp_greater_equal(selection.events.size(), limit) || page->events.empty()) break;
    looked_at += std::ssize(page->events);
  }
  return selection;
}

Result<std::vector<Event>> EventLog::read_after(std::string_view resource_id, std::int64_t after, std::int64_t limit) {
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

Json EventLog::to_json(const Event& event) const { return envelope_of(event, epoch_); }

std::string EventLog::position_text(Feed::Kind kind, std::int64_t seq) const {
  return kind == Feed::Kind::resource ? id_of(seq) : epoch_ + "-a" + std::to_string(seq);
}

std::optional<std::int64_t> EventLog::seq_at(Feed::Kind kind, std::string_view position) const {
  if (const auto number = number_in(position)) return number;
  if (kind == Feed::Kind::resource) return seq_of(position);
  const std::string prefix = epoch_ + "-a";
  return position.starts_with(prefix) ? number_in(position.substr(prefix.size())) : std::nullopt;
}

std::shared_ptr<const std::string> EventLog::frame_of(const Event& event, Feed::Kind kind) const {
  return frame_with(event, kind, to_text(to_json(event)));
}

std::shared_ptr<const std::string> EventLog::frame_with(const Event& event, Feed::Kind kind, std::string text) const {
  const std::int64_t seq = kind == Feed::Kind::resource ? event.seq : event.account_seq;
  return std::make_shared<const std::string>(
      encode_sse({.id = position_text(kind, seq), .type = event.type, .data = std::move(text), .retry = std::nullopt}));
}

Published EventLog::published(std::shared_ptr<const Event> event) const {
  std::string text = to_text(to_json(*event));
  auto frame = frame_with(*event, Feed::Kind::resource, text);
  auto account_frame = frame_with(*event, Feed::Kind::account, std::move(text));
  return {.event = std::move(event), .frame = std::move(frame), .account_frame = std::move(account_frame)};
}

Json EventLog::to_json(Feed::Kind kind, const EventGap& gap) const {
  Json json{{"requested", gap.requested}, {"first_available", position_text(kind, gap.first_available)}};
  if (gap.trimmed_through >= gap.first_available) {
    json["trimmed_through"] = position_text(kind, gap.trimmed_through);
  }
  return json;
}

std::optional<std::int64_t> EventLog::seq_of(std::string_view id) const {
  if (!id.starts_with(epoch_) || id.size() <= epoch_.size() || id[epoch_.size()] != '-') return std::nullopt;
  id.remove_prefix(epoch_.size() + 1);
  return number_in(id);
}

}  // namespace weir::streaming

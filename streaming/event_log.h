// The event log: written in the same transaction as the change that it reports, published to the hub after the
// commit. The log is the truth; the hub only makes it fast.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"
#include "store/events_store.h"
#include "streaming/event.h"
#include "streaming/event_hub.h"
#include "streaming/event_outbox.h"
#include "streaming/event_types.h"

namespace weir::streaming {

// Consecutive events of a feed and how far the feed has come, read at one moment. Not thread-safe: a value.
struct EventPage {
  std::vector<Event> events;
  std::int64_t last = 0;             // the newest seq that was given; 0: never had an event
  std::int64_t trimmed_through = 0;  // up to here events may be missing
};

// A reader's position that the log cannot continue without a hole. Not thread-safe: a value.
struct EventGap {
  std::string requested;
  std::int64_t first_available = 0;
  std::int64_t trimmed_through = 0;  // more holes may follow up to here
};

// What a caller who pages gets. Not thread-safe: a value.
struct EventSelection {
  std::vector<Event> events;
  std::int64_t last = 0;
  std::optional<std::int64_t> next_after;  // go on after this one; nothing: there is no more now
  std::optional<EventGap> gap;             // before the first event
};

// Thread-safe.
class EventLog {
 public:
  // All must outlive the log. Reads the epoch from the database; returns its error if that fails.
  static Result<std::unique_ptr<EventLog>> open(store::Database& database, EventHub& hub, const Clock& clock);

  // Each event is handed to `outbox` in its transaction. Set before events are appended; must outlive the log.
  void set_outbox(EventOutbox& outbox) { outbox_ = &outbox; }
  // Adds the event to `transaction` and, if that commits, publishes it. Returns the event with its numbers. A type that is
  // not in event_types() is our mistake: returns internal in debug builds, and is logged and published in others.
  Result<Event> append(store::Transaction& transaction, EventDraft draft);
  // The same for consecutive events of one resource, for less.
  Result<void> append_all(store::Transaction& transaction, std::vector<EventDraft> drafts);

  // Events of a feed with a number > `after`, in order, at most `limit` (kReadLimitMax).
  Result<EventPage> read(const Feed& feed, std::int64_t after, std::int64_t limit);
  // Up to `limit` events behind `position` ("" : from the first; else an id or a number of the feed) that `filter` takes.
  // Looks at kSelectedFromMax events at most, so there may be fewer, and still more behind them.
  Result<EventSelection> select(const Feed& feed, const EventFilter& filter, std::string_view position,
                                std::int64_t limit);
  static constexpr std::int64_t kSelectedFromMax = 5'000;
  // Events of a resource with seq > `after`, in order, at most `limit` (kReadLimitMax).
  Result<std::vector<Event>> read_after(std::string_view resource_id, std::int64_t after, std::int64_t limit);
  static constexpr std::int64_t kReadLimitMax = 500;
  Result<std::int64_t> last_seq(std::string_view resource_id);
  // The newest event of a resource, nothing if it has none.
  Result<std::optional<Event>> last_event(std::string_view resource_id);
  // What the log still holds of a resource.
  Result<store::EventRange> range(std::string_view resource_id);

  [[nodiscard]] const std::string& epoch() const { return epoch_; }
  // "<epoch>-<seq>": names the event within its resource.
  [[nodiscard]] std::string id_of(const Event& event) const;
  [[nodiscard]] std::string id_of(std::int64_t seq) const;
  // What SSE clients send back as Last-Event-ID: "<epoch>-<seq>" in a resource, "<epoch>-a<seq>" in an account.
  [[nodiscard]] std::string position_text(Feed::Kind kind, std::int64_t seq) const;
  // The number in a position_text() of this log, or in a bare number; nothing if it is another epoch's, another kind's, or
  // no position at all.
  [[nodiscard]] std::optional<std::int64_t> seq_at(Feed::Kind kind, std::string_view position) const;
  // The envelope of streaming.md section 1.
  [[nodiscard]] Json to_json(const Event& event) const;
  // The event as one SSE frame.
  [[nodiscard]] std::shared_ptr<const std::string> frame_of(const Event& event,
                                                            Feed::Kind kind = Feed::Kind::resource) const;
  // The event with its frames.
  [[nodiscard]] Published published(std::shared_ptr<const Event> event) const;
  // {requested, first_available}, and trimmed_through if more may be missing behind that.
  [[nodiscard]] Json to_json(Feed::Kind kind, const EventGap& gap) const;
  // The sequence number in `id`; nothing if it is of another epoch or not an id at all.
  [[nodiscard]] std::optional<std::int64_t> seq_of(std::string_view id) const;

 private:
  using Events = std::vector<std::shared_ptr<const Event>>;
  Result<Events> add(store::Transaction& transaction, std::vector<EventDraft> drafts);
  [[nodiscard]] std::shared_ptr<const std::string> frame_with(const Event& event, Feed::Kind kind,
                                                              std::string text) const;
  EventLog(store::Database& database, EventHub& hub, const Clock& clock, std::string epoch);

  store::Database& database_;
  EventHub& hub_;
  const Clock& clock_;
  const std::string epoch_;
  EventOutbox* outbox_ = nullptr;
};

}  // namespace weir::streaming

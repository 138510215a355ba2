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

namespace weir::streaming {

// Thread-safe.
class EventLog {
 public:
  // All must outlive the log. Reads the epoch from the database; returns its error if that fails.
  static Result<std::unique_ptr<EventLog>> open(store::Database& database, EventHub& hub, const Clock& clock);

  // Adds the event to `transaction` and, if that commits, publishes it. Returns the event with its numbers.
  Result<Event> append(store::Transaction& transaction, EventDraft draft);

  // Events of a resource with seq > `after`, in order, at most `limit` (kReadLimitMax).
  Result<std::vector<Event>> read_after(std::string_view resource_id, std::int64_t after, std::int64_t limit);
  static constexpr std::int64_t kReadLimitMax = 500;
  Result<std::int64_t> last_seq(std::string_view resource_id);
  // The newest event of a resource, nothing if it has none.
  Result<std::optional<Event>> last_event(std::string_view resource_id);
  // What the log still holds of a resource.
  Result<store::EventRange> range(std::string_view resource_id);

  [[nodiscard]] const std::string& epoch() const { return epoch_; }
  // "<epoch>-<seq>", the id that SSE clients send back as Last-Event-ID.
  [[nodiscard]] std::string id_of(const Event& event) const;
  [[nodiscard]] std::string id_of(std::int64_t seq) const;
  // The envelope of streaming.md section 1.
  [[nodiscard]] Json to_json(const Event& event) const;
  // The event as one SSE frame.
  [[nodiscard]] std::shared_ptr<const std::string> frame_of(const Event& event) const;
  // The sequence number in `id`; nothing if it is of another epoch or not an id at all.
  [[nodiscard]] std::optional<std::int64_t> seq_of(std::string_view id) const;

 private:
  EventLog(store::Database& database, EventHub& hub, const Clock& clock, std::string epoch);

  store::Database& database_;
  EventHub& hub_;
  const Clock& clock_;
  const std::string epoch_;
};

}  // namespace weir::streaming

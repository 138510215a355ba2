// The rows of the event log. The rules (gapless sequences, what is published after commit) are in
// streaming/event_log.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct EventRow {
  std::string account_id;
  std::string resource_type;  // "scan", "run"
  std::string resource_id;
  std::int64_t seq = 0;          // gapless from 1 within the resource
  std::int64_t account_seq = 0;  // gapless from 1 within the account
  std::string type;              // "scan.progress"
  UnixMillis at{};
  Json data = Json::object();
};

// Adds consecutive events of one resource. Assigns both sequence numbers and writes them back into `events`.
Result<void> append_events(Transaction& transaction, std::span<EventRow> events);
// Events of a resource with seq > `after`, in order, at most `limit`.
Result<std::vector<EventRow>> events_after(Transaction& transaction, std::string_view resource_id, std::int64_t after,
                                           std::int64_t limit);
// The newest sequence number of a resource, 0 if it has no events.
Result<std::int64_t> last_event_seq(Transaction& transaction, std::string_view resource_id);
// What the log still holds of a resource: `first` to `last`, both 0 if it never had an event. Not thread-safe: a value.
struct EventRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
Result<EventRange> event_range(Transaction& transaction, std::string_view resource_id);
// Deletes the events of a resource up to and including `through` and remembers that they were there. The newest one stays,
// so that a reader always learns whether the resource has ended.
Result<void> trim_events(Transaction& transaction, std::string_view resource_id, std::int64_t through);

// How far a sequence has come: `last` was given, and up to `trimmed_through` events may be missing. Both 0 if it never
// had an event. Not thread-safe: a value.
struct EventCounters {
  std::int64_t last = 0;
  std::int64_t trimmed_through = 0;
};
Result<EventCounters> resource_event_counters(Transaction& transaction, std::string_view resource_id);
Result<EventCounters> account_event_counters(Transaction& transaction, std::string_view account_id);
// Events of an account with account_seq > `after`, in order, at most `limit`.
Result<std::vector<EventRow>> account_events_after(Transaction& transaction, std::string_view account_id,
                                                   std::int64_t after, std::int64_t limit);

// (id, newest sequence number) of those of the ids that have events.
Result<std::vector<std::pair<std::string, std::int64_t>>> last_seqs_of_resources(Transaction& transaction,
                                                                                 const std::vector<std::string>& ids);
Result<std::vector<std::pair<std::string, std::int64_t>>> last_seqs_of_accounts(Transaction& transaction,
                                                                                const std::vector<std::string>& ids);

// A type of event whose data is kept for less long. Not thread-safe: a value.
struct ShortLivedEvents {
  std::string resource_type;  // "run": only these resources are looked at
  std::string type;           // "message.delta"
  UnixMillis since{};         // older ones lose their data
};
// What retention keeps. Not thread-safe: a value.
struct EventKeeping {
  UnixMillis since{};             // older events go
  std::int64_t per_resource = 0;  // beyond, the oldest go
  std::vector<ShortLivedEvents> short_lived{};
};
// What is left of an event that lost its data: its place, so that the sequence has no hole.
inline constexpr std::string_view kTrimmedEventData = R"({"is_trimmed":true})";
// A slice of the work of retention. Not thread-safe: a value.
struct EventTrim {
  std::string last_resource_id;  // the next slice goes on after it; "" : every resource was looked at
  std::int64_t trimmed = 0;      // events deleted
  std::int64_t emptied = 0;      // events that lost their data
};
// Looks at up to `resources_max` resources behind `after_resource_id` ("" : from the first) and stops early once it has
// deleted or emptied about kTrimmedEventsMax events.
Result<EventTrim> trim_old_events(Transaction& transaction, std::string_view after_resource_id,
                                  std::int64_t resources_max, const EventKeeping& keeping);
inline constexpr std::int64_t kTrimmedEventsMax = 2'000;
// This database's epoch: a short random text made when it was created. An event id of another epoch is not ours.
Result<std::string> event_epoch(Transaction& transaction);

}  // namespace weir::store

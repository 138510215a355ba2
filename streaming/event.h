// An event: something that changed, with its place in the sequence of its resource.
#pragma once
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/json.h"

namespace weir::streaming {

// Immutable once appended; shared by all who receive it.
struct Event {
  std::string account_id;
  std::string resource_type;  // "scan"
  std::string resource_id;
  std::int64_t seq = 0;          // gapless from 1 within the resource
  std::int64_t account_seq = 0;  // gapless from 1 within the account
  std::string type;              // "scan.progress"
  UnixMillis at{};
  Json data = Json::object();
};

// What a reader follows: one resource, or everything of an account; each has a sequence of its own. Not thread-safe: a
// value.
struct Feed {
  enum class Kind : std::uint8_t { resource, account };
  Kind kind = Kind::resource;
  std::string id;

  [[nodiscard]] std::int64_t seq_of(const Event& event) const {
    return kind == Kind::resource ? event.seq : event.account_seq;
  }
};

// What a transaction wants to log; the log adds sequence and time.
struct EventDraft {
  std::string account_id;
  std::string resource_type;
  std::string resource_id;
  std::string type;
  Json data = Json::object();
};

// True for the event after which nothing follows on its resource, such as scan.completed: see event_types.h.
bool is_terminal_event(std::string_view type);
// True for the event after which nothing happens until a person acts, such as run.requires_action.
bool asks_people(std::string_view type);

}  // namespace weir::streaming

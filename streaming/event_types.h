// Every type of event that this server publishes, with its payload: the one table from which docs/reference/events.md and
// the `webhooks` section of the OpenAPI document are projected, and against which type filters are read. A type that is not
// in it cannot be published (see EventLog::append). The `snapshot` and `gap` frames of a stream are no events: they are
// about one reader and are in no log.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "streaming/event.h"

namespace weir::streaming {

// Immutable.
struct EventType {
  // asks_people: nothing more happens until a person acts, so that nobody who waits for the end waits on.
  enum class Ending : std::uint8_t { goes_on, asks_people, ends_resource };

  std::string name;     // "scan.completed"
  std::string summary;  // one sentence
  Json schema;          // JSON Schema of `data`
  Ending ending = Ending::goes_on;
  // How long its data is kept, if less than what is usual; then the event stays in its sequence as {"is_trimmed": true}.
  std::optional<std::chrono::hours> keep{};
};

// In the order of the documentation.
const std::vector<EventType>& event_types();
// Null if there is no such type.
const EventType* find_event_type(std::string_view name);

// `pattern` is a type ("finding.new"), all types below a word ("scan.*") or every type ("*").
bool matches(std::string_view pattern, std::string_view type);
// Whether any of `patterns` matches; no patterns at all match everything.
bool matches_any(const std::vector<std::string>& patterns, std::string_view type);
// "scan.*,finding.new" as patterns, without repeats. Returns validation_failed, for the field `field`, if one of them
// matches no type that there is, or if there are more than kPatternsMax.
Result<std::vector<std::string>> parse_patterns(std::string_view field, std::string_view comma_separated);
// The same for patterns that arrive as a list.
Result<std::vector<std::string>> checked_patterns(std::string_view field, const std::vector<std::string>& patterns);
inline constexpr std::size_t kPatternsMax = 50;

// Which events of a feed a reader wants; empty: all of them. Not thread-safe: a value.
struct EventFilter {
  std::vector<std::string> types;  // patterns
  std::string resource_id;         // "" : of every resource
  std::string hidden{};            // "run": nothing of resources of that type, whose events the reader may not see

  [[nodiscard]] bool is_empty() const { return types.empty() && resource_id.empty() && hidden.empty(); }
  [[nodiscard]] bool takes(const Event& event) const {
    return (resource_id.empty() || event.resource_id == resource_id) &&
           (hidden.empty() || event.resource_type != hidden) && matches_any(types, event.type);
  }
};

}  // namespace weir::streaming

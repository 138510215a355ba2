#include "streaming/event.h"

#include "streaming/event_types.h"

namespace weir::streaming {

bool is_terminal_event(std::string_view type) {
  const EventType* known = find_event_type(type);
  return known != nullptr && known->ending == EventType::Ending::ends_resource;
}

bool asks_people(std::string_view type) {
  const EventType* known = find_event_type(type);
  return known != nullptr && known->ending == EventType::Ending::asks_people;
}

}  // namespace weir::streaming

// docs/reference/events.md, rendered from the table of event types; a test compares the committed file with this. Pure.
#pragma once
#include <string>
#include <vector>

#include "streaming/event_types.h"

namespace weir::tools {

std::string event_reference(const std::vector<streaming::EventType>& types);

}  // namespace weir::tools

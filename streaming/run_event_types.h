// The types of events of runs: a part of the table of event_types.h, which is what everybody reads.
#pragma once
#include <vector>

#include "streaming/event_types.h"

namespace weir::streaming {

// In the order of the documentation.
std::vector<EventType> run_event_types();

}  // namespace weir::streaming

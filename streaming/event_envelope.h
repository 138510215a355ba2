// An event as every surface shows it: streams, pages and webhooks.
#pragma once
#include <string_view>

#include "base/json.h"
#include "streaming/event.h"

namespace weir::streaming {

// {"id", "seq", "type", "resource", "account", "ts", "data"}. `id` is its position in the stream of its resource, of the
// log with that epoch.
Json envelope_of(const Event& event, std::string_view epoch);

}  // namespace weir::streaming

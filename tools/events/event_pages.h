// A page of events as a tool's answer: list_events, and the lists of the events of one kind of resource, have the same
// shape.
#pragma once
#include <string>

#include "streaming/event_log.h"
#include "tools/parameters.h"
#include "tools/tool.h"

namespace weir::tools {

// `types`, `after` and `limit`.
parameters::Members event_page_members();
Json event_page_schema();

// The events of `feed` behind `after` that fit the arguments of event_page_members(); `resource_id` "" : of every
// resource of the feed. Returns validation_failed for a type that there is not. Blocks for the database.
Result<ToolResult> event_page(streaming::EventLog& log, const streaming::Feed& feed, const std::string& resource_id,
                              const Json& arguments, std::string_view hidden = "");

}  // namespace weir::tools

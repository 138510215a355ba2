// What of a tool's answer is kept: as much as fits, cut where it is longest, and a note that says what was cut and how to get
// the rest. Pure.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/json.h"
#include "tools/tool.h"

namespace weir::tools::runs {

// What a run keeps of one answer; a model reads all of it.
inline constexpr std::size_t kResultBytesMax = 64 * 1'024;
inline constexpr std::size_t kSummaryBytesMax = 2 * 1'024;

// `value` if its text has at most `bytes_max` bytes, else with its longest lists and texts shortened until it has, and a member
// `truncated` {bytes, note}. What is no object becomes one: {"value": ..., "truncated": ...}.
Json capped(Json value, std::size_t bytes_max, std::string_view note);

// The answer of `tool` as a run keeps it; a document that is not in the structured part goes into it as {media_type, text}.
Json result_to_keep(const ToolResult& result, std::string_view tool);

// At most `bytes_max` bytes of UTF-8, not cut within a character; "..." says that there was more.
std::string shortened(std::string_view text, std::size_t bytes_max);

}  // namespace weir::tools::runs

// What an external tool answered, as a tool's result of ours: bounded, and without what nobody here can use (images,
// audio). Pure.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/tool.h"

namespace weir::tools::mcp_servers {

// From a CallToolResult. The structured content is always {"text", "data", "notes"}: the text blocks joined by line
// breaks, the server's structuredContent (null if it sent none), and what was left out, cut off or declined. Text and
// data together are at most kResultBytesMax. Returns validation_failed with the server's text if it says `isError`;
// unavailable if it is no result. `name` is "everything__echo", for the summary and for errors.
Result<ToolResult> tool_answer(const Json& result, std::string_view name, std::vector<std::string> notes);

}  // namespace weir::tools::mcp_servers

// What a tool answered, first as a model that no revision shapes, then as each revision wants it on the wire. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "limits/quota.h"
#include "server/mcp/revision.h"
#include "tools/tool.h"

namespace weir::mcp {

// Not thread-safe: a value.
struct ToolAnswer {
  bool is_error = false;
  std::vector<std::string> texts;
  Json structured = nullptr;  // null: none
};

// A document is the text itself; anything else is a summary and its JSON, for hosts that show the model only text.
ToolAnswer success_answer(tools::ToolResult result);
// What was wrong, field by field, and when to try again, in a text that a model can act on.
ToolAnswer error_answer(const Error& error, std::string_view request_id);
ToolAnswer refusal_answer(const limits::Decision& decision, std::string_view request_id);

// CallToolResult.
Json call_tool_result(ToolAnswer answer, Revision revision, const limits::Decision& decision);
// Tool, as tools/list shows it.
Json tool_definition(const tools::Tool& tool, Revision revision);
// The tool's output schema or the error object: a client may hold a failed result to the schema too.
Json output_schema(const tools::Tool& tool);
// {"limit", "remaining", "reset", "policy", "tier", "retryAfterMs"?}; {"tier", "unlimited"} if nothing limits the key.
Json rate_limit_meta(const limits::Decision& decision);
// Implementation.
Json server_info(Revision revision, std::string_view version);
// resultType and serverInfo where the revision has them; both only if the result does not already say otherwise.
void add_result_members(Json& result, Revision revision, std::string_view version);

}  // namespace weir::mcp

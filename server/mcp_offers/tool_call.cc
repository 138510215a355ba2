#include "server/mcp_offers/tool_call.h"

#include <optional>

namespace weir::mcp_offers {

Result<tools::ToolResult> call_now(const tools::Catalog& catalog, const tools::CallContext& context,
                                   std::string_view name, Json arguments) {
  const tools::Tool* tool = catalog.find(name);
  if (tool == nullptr) return Error(ErrorCode::not_found, "There is no tool " + std::string(name) + ".");
  std::optional<Result<tools::ToolResult>> answer;
  const auto pending = catalog.call(*tool, context, std::move(arguments),
                                    [&answer](Result<tools::ToolResult> result) { answer.emplace(std::move(result)); });
  CHECK(answer.has_value(), "an offer calls only tools that answer at once");
  return *std::move(answer);
}

}  // namespace weir::mcp_offers

#include "tools/mcp_servers/server_view.h"

#include "base/log.h"

namespace weir::tools::mcp_servers {

std::string_view to_string(ServerState state) {
  switch (state) {
    case ServerState::connecting: return "connecting";
    case ServerState::unapproved: return "unapproved";
    case ServerState::approved: return "approved";
    case ServerState::changed: return "changed";
    case ServerState::failing: return "failing";
  }
  return "";
}

std::shared_ptr<const ToolList> usable_list(const ServerView& view) {
  if (!view.approved || (view.seen && view.seen->sha256() != view.approved->sha256())) return nullptr;
  return view.seen ? view.seen : view.approved;
}

std::optional<Error> refusal_of(const ServerView& now, std::string_view tool) {
  const std::string whose = "The tools of the MCP server " + now.alias + " ";
  constexpr std::string_view kHow = "an administrator can look at them and approve them: weir mcp-servers";
  if (now.approved && now.seen && now.seen->sha256() != now.approved->sha256()) {
    return Error(ErrorCode::conflict, whose + "have changed since they were approved, so none of them is called; " +
                                          std::string(kHow) + ".");
  }
  if (!now.approved && now.state == ServerState::failing) {
    return Error(ErrorCode::unavailable, now.problem);
  }
  if (!now.approved) return Error(ErrorCode::conflict, whose + "have not been approved; " + std::string(kHow) + ".");
  const RemoteTool* const found = (now.seen ? *now.seen : *now.approved).find(tool);
  if (found == nullptr) {
    return Error(ErrorCode::not_found, "The MCP server " + now.alias + " has no tool " + printable(tool, 80) + ".");
  }
  if (!found->unusable.empty()) {
    return Error(ErrorCode::not_found, "The tool " + printable(found->name, 80) + " of the MCP server " + now.alias +
                                           " cannot be used here: " + found->unusable + ".");
  }
  return std::nullopt;
}

}  // namespace weir::tools::mcp_servers

// Ready-to-paste configurations of the common MCP hosts, for the first start and for `weir keys create`.
#pragma once
#include <string>
#include <string_view>

namespace weir::cli {

// Claude Code, Claude Desktop, Cursor, VS Code and curl, for this server and key.
std::string connect_help(std::string_view url, std::string_view key);

}  // namespace weir::cli

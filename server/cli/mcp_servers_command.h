// `weir mcp-servers`: the MCP servers of others that a running server is connected to, and the approval of their tools.
#pragma once
#include <string>

#include "server/cli/commands.h"

namespace weir::cli {

// Not thread-safe: a value.
struct McpServersOptions {
  enum class Action { list, show, approve } action = Action::list;
  ServerOptions server;
  std::string alias;
  std::string sha256;  // of approve; empty: only shows what there is to approve
  bool as_json = false;
};
int run_mcp_servers(const McpServersOptions& options, Terminal& terminal);

}  // namespace weir::cli

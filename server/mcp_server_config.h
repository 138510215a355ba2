// The tables [mcp_servers.ALIAS] of the configuration: MCP servers of others whose tools agents may use
// (docs/mcp-servers.md). Beside the flat settings, because an operator names the servers. Only an operator can: no call
// adds one.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tools/mcp_servers/server_spec.h"

namespace weir::server {

inline constexpr std::string_view kMcpServerPrefix = "mcp_servers.";

// One table as it was written: secrets are still names of where they are. Not thread-safe: a value.
struct McpServerSettings {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // values may hold ${env:NAME} and ${file:/path}
  std::vector<std::string> allow_private;
  std::string ca_file;
  std::vector<std::string> command;
  std::vector<std::string> environment;  // "NAME" is passed on, "NAME=VALUE" is set
  std::string folder;
  std::chrono::milliseconds timeout = tools::mcp_servers::kCallTimeoutDefault;
  bool is_enabled = true;
};
using McpServerTable = std::map<std::string, McpServerSettings, std::less<>>;  // by alias

// Sets "mcp_servers.github.url"; the server is made if it is new. Lists come as JSON. Returns validation_failed,
// saying what is wrong with `text`, and never repeating what may be a secret.
Result<void> set_mcp_server(McpServerTable& servers, std::string_view name, std::string_view text);
// Once everything has been read. Returns validation_failed, naming the server, if one cannot be as it is written.
Result<void> finish_mcp_servers(const McpServerTable& servers);
// The enabled ones with their secrets put in, when the server starts. Returns validation_failed, naming the variable or
// file, if a secret cannot be had.
Result<std::vector<tools::mcp_servers::ServerSpec>> mcp_server_specs(
    const McpServerTable& servers, const std::function<const char*(const char*)>& environment);

// Their part of weir.example.toml and of docs/reference/configuration.md.
std::string mcp_server_example();
std::string mcp_server_reference();

}  // namespace weir::server

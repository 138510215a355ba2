// The MCP servers of others that an operator has configured, and their tools, as runs call them. agents-and-runs.md
// section 6.5. server/app starts it before the jobs and stops it after them; server/runs asks it for tools and calls;
// server/rest shows it to administrators.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/mcp_servers/server_link.h"
#include "tools/mcp_servers/server_spec.h"
#include "tools/pending_call.h"
#include "tools/runs/callable_tool.h"
#include "tools/runs/tool_caller.h"

namespace weir::tools::mcp_servers {

// Thread-safe.
class McpServerSet {
 public:
  // `specs` have passed check_spec() and have different aliases. Everything in `parts` must outlive the set.
  McpServerSet(std::vector<ServerSpec> specs, const LinkParts& parts, LinkTimes times = {});
  ~McpServerSet();
  McpServerSet(const McpServerSet&) = delete;
  McpServerSet& operator=(const McpServerSet&) = delete;

  // Connects in the background; never blocks for a server.
  void start();
  // Blocks a few seconds at most, for programs that do not end by themselves. What waits is answered with unavailable.
  void stop();

  // By alias.
  [[nodiscard]] std::vector<ServerView> list() const;
  // Approved tools of all servers, by name, also of servers that cannot be reached now. Their `source` is
  // "mcp:<alias>".
  [[nodiscard]] std::vector<runs::CallableTool> tools() const;
  [[nodiscard]] std::optional<runs::CallableTool> find(std::string_view name) const;
  // Returns not_found, naming those that there are, or conflict if `sha256` is not what is seen now.
  Result<ServerView> approve(std::string_view alias, std::string_view sha256, const std::string& account_id,
                             const std::string& key_id);

  // Calls `name` ("<alias>__<tool>"). As runs::ToolCaller::call(): `done` once, unless what is returned was destroyed
  // before; `progress` gets {"type": "progress", "data": {progress, total, message}}; `held` is not used. Takes at
  // most the server's own timeout. The arguments are not checked here: the caller may, by the tool's schema, and the
  // server does. Errors: not_found, conflict (not approved, or changed since), concurrency_limit, payload_too_large,
  // validation_failed (with the tool's own words, which others wrote: treat them as tainted), timed_out, unavailable.
  // Never blocks.
  std::shared_ptr<PendingCall> call(std::string_view name, Json arguments, runs::ToolCaller::Callbacks callbacks);

 private:
  [[nodiscard]] ServerLink* link(std::string_view alias) const;

  std::vector<std::unique_ptr<ServerLink>> links_;  // by alias
};

}  // namespace weir::tools::mcp_servers

// How a run's tool call reaches the tool: through the gate, as its owner's key, like any other call. Implemented in
// server/, where the gate is; external MCP tools go through tools/mcp_servers.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/pending_call.h"
#include "tools/tool.h"

namespace weir::tools::runs {

// Not thread-safe: a value.
struct ToolInvocation {
  std::string run_id;
  std::string tool_call_id;  // the client token of tools that take one
  std::string account_id;
  std::string key_id;  // the run owner's: whose scopes and budget count
  std::string name;
  Json arguments = Json::object();
  // How long the call may be held for its slot under the owner's rate limit.
  std::chrono::milliseconds hold_max{30'000};
  // Of an owner whose row has no scopes, which is a token's subject: those that the run began with.
  std::vector<std::string> owner_scopes{};
};

// Thread-safe.
class ToolCaller {
 public:
  virtual ~ToolCaller() = default;

  struct Callbacks {
    // Once, from any thread, or before call() returns: the tool's answer, or why there is none. Beyond a tool's own
    // errors: unauthorized (the key was revoked or has expired), insufficient_scope, rate_limit_exceeded (with
    // retry_after), not_found (no such tool any more).
    std::function<void(Result<ToolResult>)> done;
    // The call is held: about how long. May be empty; from any thread; must not block.
    std::function<void(std::chrono::milliseconds about)> held;
    // Once, before `done`: the owner's rate limit has let the call pass, and the tool has it now. An error without it means
    // that nothing was done. May be empty; from any thread; must not block.
    std::function<void()> admitted;
    // An event of what is waited for ({"type", "data"}). May be empty; from any thread; must not block.
    std::function<void(const Json&)> progress;
  };
  // Destroying what is returned gives the call up: then `done` may never be called, though the tool may still do its work.
  // Blocks for the database. Arguments are validated against the tool's schema; a mistake is validation_failed.
  virtual std::shared_ptr<PendingCall> call(const ToolInvocation& invocation, Callbacks callbacks) = 0;
};

}  // namespace weir::tools::runs

// How a run's tool call reaches its tool: through the gate, as the key that the run belongs to, like any other call. There is
// no other way for a run.
#pragma once
#include <memory>

#include "base/ids.h"
#include "server/gate.h"
#include "tools/catalog.h"
#include "tools/mcp_servers/mcp_server_set.h"
#include "tools/runs/tool_caller.h"

namespace weir::server {

// The owner's key is looked up for each call, so that a revocation or another scope or tier acts on the next one.
// Thread-safe.
class GateToolCaller final : public tools::runs::ToolCaller {
 public:
  // What a call of another server's tool costs, and what it is counted as.
  static constexpr std::uint32_t kExternalCost = 1;
  static constexpr std::string_view kExternalName = "external_tool";

  // `servers` may be null. Before the first call; all must outlive the caller and what it posted.
  void attach(Gate& gate, const tools::Catalog& catalog, tools::mcp_servers::McpServerSet* servers);

  std::shared_ptr<tools::PendingCall> call(const tools::runs::ToolInvocation& invocation, Callbacks callbacks) override;

 private:
  Gate* gate_ = nullptr;
  const tools::Catalog* catalog_ = nullptr;
  tools::mcp_servers::McpServerSet* servers_ = nullptr;
};

}  // namespace weir::server

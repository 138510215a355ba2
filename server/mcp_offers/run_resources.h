// Runs as resources for MCP hosts: what get_run tells, with every step and tool call. Computes nothing.
#pragma once
#include <string>
#include <vector>

#include "base/timer_queue.h"
#include "server/mcp/resources.h"
#include "streaming/event_hub.h"
#include "tools/catalog.h"

namespace weir::mcp_offers {

// weir://runs/{run_id}. Thread-safe.
class RunResources final : public mcp::ResourceProvider {
 public:
  static constexpr std::string_view kPrefix = "weir://runs/";

  // All must outlive this and every watch.
  RunResources(const tools::Catalog& catalog, streaming::EventHub& hub, TimerQueue& timers)
      : catalog_(catalog), hub_(hub), timers_(timers) {}

  // The newest first, page by page; none for a key that may not read runs.
  Result<mcp::ResourcePage> list(const tools::CallContext& context, const std::string& cursor) const override;
  [[nodiscard]] std::vector<mcp::ResourceTemplate> templates() const override;
  [[nodiscard]] tools::Scope scope_of(std::string_view uri) const override;
  Result<std::vector<mcp::ResourceContent>> read(const tools::CallContext& context,
                                                 const std::string& uri) const override;
  Result<std::vector<std::string>> complete(const tools::CallContext& context, const std::string& uri_template,
                                            const mcp::CompletionRequest& request) const override;
  // Told when the run's status, a step or a tool call changes.
  std::shared_ptr<mcp::Watch> watch(const tools::CallContext& context, const std::string& uri,
                                    std::function<void()> changed) const override;

 private:
  const tools::Catalog& catalog_;
  streaming::EventHub& hub_;
  TimerQueue& timers_;
};

}  // namespace weir::mcp_offers

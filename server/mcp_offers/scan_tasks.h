// Scans as MCP tasks: the task's id is the scan's, its state is read from the scan, and nothing is stored besides.
#pragma once
#include <string>

#include "base/timer_queue.h"
#include "server/mcp/tasks.h"
#include "streaming/event_hub.h"
#include "tools/catalog.h"

namespace weir::mcp_offers {

// Thread-safe.
class ScanTasks final : public mcp::TaskProvider {
 public:
  // All must outlive this and every watch.
  ScanTasks(const tools::Catalog& catalog, streaming::EventHub& hub, TimerQueue& timers)
      : catalog_(catalog), hub_(hub), timers_(timers) {}

  [[nodiscard]] tools::Scope scope_of(mcp::TaskAction action) const override;
  Result<mcp::Task> get(const tools::CallContext& context, const std::string& id) override;
  // Scans never ask for anything: every answer is ignored.
  Result<void> update(const tools::CallContext& context, const std::string& id, const Json& input_responses) override;
  Result<void> cancel(const tools::CallContext& context, const std::string& id) override;
  std::shared_ptr<mcp::Watch> watch(const tools::CallContext& context, const std::string& id,
                                    std::function<void()> changed) override;
  [[nodiscard]] bool can_be_task(const tools::Tool& tool) const override;
  std::optional<mcp::Task> task_of(const tools::CallContext& context, const tools::Tool& tool,
                                   const tools::ToolResult& result) override;
  Result<mcp::TaskPage> list(const tools::CallContext& context, const std::string& cursor) override;

 private:
  const tools::Catalog& catalog_;
  streaming::EventHub& hub_;
  TimerQueue& timers_;
};

}  // namespace weir::mcp_offers

// Scans and runs as MCP tasks: the task's id is theirs, its state is read from them, and nothing is stored besides.
#pragma once
#include <string>

#include "base/timer_queue.h"
#include "server/mcp/tasks.h"
#include "streaming/event_hub.h"
#include "tools/catalog.h"

namespace weir::mcp_offers {

// A run that waits for a person is a task that requires input: a form for each call, answered by tasks/update with a key
// that may approve. Thread-safe.
class WorkTasks final : public mcp::TaskProvider {
 public:
  // All must outlive this and every watch.
  WorkTasks(const tools::Catalog& catalog, streaming::EventHub& hub, TimerQueue& timers)
      : catalog_(catalog), hub_(hub), timers_(timers) {}

  [[nodiscard]] tools::Scope scope_of(mcp::TaskAction action, std::string_view id) const override;
  Result<mcp::Task> get(const tools::CallContext& context, const std::string& id) override;
  // Scans never ask for anything: every answer to one is ignored.
  Result<void> update(const tools::CallContext& context, const std::string& id, const Json& input_responses) override;
  Result<void> cancel(const tools::CallContext& context, const std::string& id) override;
  std::shared_ptr<mcp::Watch> watch(const tools::CallContext& context, const std::string& id,
                                    std::function<void()> changed) override;
  [[nodiscard]] bool can_be_task(const tools::Tool& tool) const override;
  std::optional<mcp::Task> task_of(const tools::CallContext& context, const tools::Tool& tool,
                                   const tools::ToolResult& result) override;
  // The caller's scans, then the runs, each newest first, as far as the key may read them.
  Result<mcp::TaskPage> list(const tools::CallContext& context, const std::string& cursor) override;

 private:
  const tools::Catalog& catalog_;
  streaming::EventHub& hub_;
  TimerQueue& timers_;
};

}  // namespace weir::mcp_offers

// Tasks kept in memory, for the fixtures of the tasks extension.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "base/guarded.h"
#include "base/random.h"
#include "server/mcp/tasks.h"

namespace weir::mcp::fixtures {

// Thread-safe.
class TaskBoard final : public TaskProvider {
 public:
  // Both must outlive the board.
  TaskBoard(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  using Answered = std::function<void(const Json& responses)>;
  // A new task of that caller. With `requests` it starts as input_required, and `answered` gets every answer at once.
  Task start(const std::string& key_id, Json requests = Json::object(), Answered answered = {});
  // Does nothing to a task that has ended.
  void complete(const std::string& id, Json result);
  void fail(const std::string& id, int code, const std::string& message);

  [[nodiscard]] tools::Scope scope_of(TaskAction, std::string_view) const override { return tools::Scope::none; }
  Result<Task> get(const tools::CallContext& context, const std::string& id) override;
  Result<void> update(const tools::CallContext& context, const std::string& id, const Json& input_responses) override;
  Result<void> cancel(const tools::CallContext& context, const std::string& id) override;
  std::shared_ptr<Watch> watch(const tools::CallContext& context, const std::string& id,
                               std::function<void()> changed) override;
  [[nodiscard]] bool can_be_task(const tools::Tool& tool) const override;
  std::optional<Task> task_of(const tools::CallContext&, const tools::Tool&, const tools::ToolResult&) override {
    return std::nullopt;
  }
  Result<TaskPage> list(const tools::CallContext& context, const std::string& cursor) override;

 private:
  class Watcher;
  struct Entry {
    std::vector<std::weak_ptr<const std::function<void()>>> watchers;
    std::string key_id;
    Task task;
    Json responses = Json::object();
    Answered answered;
  };
  void end(const std::string& id, TaskStatus status, Json payload);

  const Clock& clock_;
  Random& random_;
  Guarded<std::map<std::string, Entry>> entries_;
};

}  // namespace weir::mcp::fixtures

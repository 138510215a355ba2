// A resource provider for tests: notes that can be changed by hand, and tasks that end by hand.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "server/mcp/resources.h"
#include "server/mcp/tasks.h"

namespace weir::mcp {

// Receivers by name, forgotten with their watches. Thread-safe.
class Watchers {
 public:
  std::shared_ptr<Watch> add(const std::string& name, std::function<void()> changed) {
    auto receiver = std::make_shared<const std::function<void()>>(std::move(changed));
    receivers_.with([&](auto& all) { all[name].push_back(receiver); });
    return std::make_shared<Kept>(std::move(receiver));
  }
  void tell(const std::string& name) {
    const auto receivers = receivers_.with([&](auto& all) { return all[name]; });
    for (const auto& each : receivers) {
      if (const auto receiver = each.lock()) (*receiver)();
    }
  }
  [[nodiscard]] std::size_t count(const std::string& name) {
    return receivers_.with([&](auto& all) {
      std::erase_if(all[name], [](const auto& each) { return each.expired(); });
      return all[name].size();
    });
  }

 private:
  using Receiver = std::function<void()>;
  class Kept final : public Watch {
   public:
    explicit Kept(std::shared_ptr<const Receiver> receiver) : receiver_(std::move(receiver)) {}

   private:
    const std::shared_ptr<const Receiver> receiver_;
  };
  Guarded<std::map<std::string, std::vector<std::weak_ptr<const Receiver>>>> receivers_;
};

// "note://a" and "note://b"; anything else does not exist. Thread-safe.
class WatchedNotes final : public ResourceProvider {
 public:
  Result<ResourcePage> list(const tools::CallContext&, const std::string&) const override {
    return ResourcePage{{{"note://a", "a", "", "", "text/plain"}, {"note://b", "b", "", "", "text/plain"}},
                        std::nullopt};
  }
  [[nodiscard]] std::vector<ResourceTemplate> templates() const override { return {}; }
  [[nodiscard]] tools::Scope scope_of(std::string_view) const override { return tools::Scope::none; }
  Result<std::vector<ResourceContent>> read(const tools::CallContext&, const std::string& uri) const override {
    if (uri != "note://a" && uri != "note://b") return Error(ErrorCode::not_found, "none");
    return std::vector<ResourceContent>{{uri, "text/plain", "a note"}};
  }
  Result<std::vector<std::string>> complete(const tools::CallContext&, const std::string&,
                                            const CompletionRequest&) const override {
    return std::vector<std::string>{};
  }
  std::shared_ptr<Watch> watch(const tools::CallContext&, const std::string& uri,
                               std::function<void()> changed) const override {
    if (uri != "note://a" && uri != "note://b") return nullptr;
    return watchers_.add(uri, std::move(changed));
  }
  void change(const std::string& uri) { watchers_.tell(uri); }
  [[nodiscard]] std::size_t watchers(const std::string& uri) { return watchers_.count(uri); }

 private:
  mutable Watchers watchers_;
};

// Every call of "say" is a task, until end() is called. Thread-safe.
class HandTasks final : public TaskProvider {
 public:
  static constexpr const char* kId = "task-1";

  [[nodiscard]] tools::Scope scope_of(TaskAction, std::string_view) const override { return tools::Scope::none; }
  Result<Task> get(const tools::CallContext&, const std::string& id) override {
    if (id != kId) return Error(ErrorCode::not_found, "none");
    return task_.with([](const Task& task) { return task; });
  }
  Result<void> update(const tools::CallContext& context, const std::string& id, const Json& responses) override {
    if (auto task = get(context, id); !task) return std::move(task).error();
    answers_.with([&](std::vector<Json>& answers) { answers.push_back(responses); });
    return {};
  }
  [[nodiscard]] std::vector<Json> answers() {
    return answers_.with([](const std::vector<Json>& answers) { return answers; });
  }
  Result<void> cancel(const tools::CallContext&, const std::string&) override {
    end(TaskStatus::cancelled, Json::object());
    return {};
  }
  std::shared_ptr<Watch> watch(const tools::CallContext&, const std::string& id,
                               std::function<void()> changed) override {
    return watchers_.add(id, std::move(changed));
  }
  [[nodiscard]] bool can_be_task(const tools::Tool& tool) const override { return tool.name == "say"; }
  std::optional<Task> task_of(const tools::CallContext&, const tools::Tool& tool, const tools::ToolResult&) override {
    if (!can_be_task(tool)) return std::nullopt;
    return task_.with([](const Task& task) { return task; });
  }
  Result<TaskPage> list(const tools::CallContext&, const std::string& cursor) override {
    if (!cursor.empty()) return Error(ErrorCode::validation_failed, "unknown");
    return TaskPage{{task_.with([](const Task& task) { return task; })}, std::nullopt};
  }
  void end(TaskStatus status, Json payload) {
    task_.with([&](Task& task) {
      task.status = status;
      task.payload = std::move(payload);
    });
    watchers_.tell(kId);
  }

 private:
  static Task fresh() {
    Task task;
    task.id = kId;
    return task;
  }
  Guarded<Task> task_{std::in_place, fresh()};
  Guarded<std::vector<Json>> answers_;
  Watchers watchers_;
};

}  // namespace weir::mcp

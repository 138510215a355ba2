#include "tests/conformance/fixture_tasks.h"

namespace weir::mcp::fixtures {

namespace {

constexpr std::size_t kIdCharacters = 32;
constexpr std::int64_t kTtlMs = 600'000;
constexpr std::int64_t kPollIntervalMs = 200;

Error no_task() { return {ErrorCode::not_found, "There is no such task."}; }

void tell(const std::vector<std::weak_ptr<const std::function<void()>>>& watchers) {
  for (const auto& each : watchers) {
    if (const auto changed = each.lock()) (*changed)();
  }
}

}  // namespace

// Immutable.
class TaskBoard::Watcher final : public Watch {
 public:
  explicit Watcher(std::shared_ptr<const std::function<void()>> changed) : changed_(std::move(changed)) {}

 private:
  const std::shared_ptr<const std::function<void()>> changed_;
};

Task TaskBoard::start(const std::string& key_id, Json requests, Answered answered) {
  Entry entry;
  entry.key_id = key_id;
  entry.task.id = random_.base62(kIdCharacters);
  entry.task.created_at = entry.task.last_updated_at = clock_.now();
  entry.task.ttl_ms = kTtlMs;
  entry.task.poll_interval_ms = kPollIntervalMs;
  entry.answered = std::move(answered);
  if (!requests.empty()) {
    entry.task.status = TaskStatus::input_required;
    entry.task.payload["inputRequests"] = std::move(requests);
  }
  Task task = entry.task;
  entries_.with([&](auto& entries) { entries.emplace(task.id, std::move(entry)); });
  return task;
}

void TaskBoard::end(const std::string& id, TaskStatus status, Json payload) {
  const auto watchers = entries_.with([&](auto& entries) -> decltype(Entry::watchers) {
    const auto found = entries.find(id);
    if (found == entries.end() || has_ended(found->second.task.status)) return {};
    found->second.task.status = status;
    found->second.task.payload = std::move(payload);
    found->second.task.last_updated_at = clock_.now();
    return found->second.watchers;
  });
  tell(watchers);
}

void TaskBoard::complete(const std::string& id, Json result) {
  result["resultType"] = "complete";
  end(id, TaskStatus::completed, {{"result", std::move(result)}});
}

void TaskBoard::fail(const std::string& id, int code, const std::string& message) {
  end(id, TaskStatus::failed, {{"error", {{"code", code}, {"message", message}}}});
}

Result<Task> TaskBoard::get(const tools::CallContext& context, const std::string& id) {
  return entries_.with([&](auto& entries) -> Result<Task> {
    const auto found = entries.find(id);
    if (found == entries.end() || found->second.key_id != context.caller->key_id) return no_task();
    return found->second.task;
  });
}

Result<void> TaskBoard::update(const tools::CallContext& context, const std::string& id, const Json& input_responses) {
  if (auto known = get(context, id); !known) return std::move(known).error();
  Answered answered;
  Json responses;
  const auto watchers = entries_.with([&](auto& entries) -> decltype(Entry::watchers) {
    Entry& entry = entries.at(id);
    if (entry.task.status != TaskStatus::input_required) return {};
    Json& requests = entry.task.payload["inputRequests"];
    for (const auto& [key, response] : input_responses.items()) {
      if (requests.erase(key) > 0) entry.responses[key] = response;
    }
    if (!requests.empty()) return entry.watchers;
    entry.task.status = TaskStatus::working;
    entry.task.payload = Json::object();
    answered = std::move(entry.answered);
    responses = std::move(entry.responses);
    return entry.watchers;
  });
  tell(watchers);
  if (answered) answered(responses);
  return {};
}

std::shared_ptr<Watch> TaskBoard::watch(const tools::CallContext& context, const std::string& id,
                                        std::function<void()> changed) {
  auto shared = std::make_shared<const std::function<void()>>(std::move(changed));
  const bool is_known = entries_.with([&](auto& entries) {
    const auto found = entries.find(id);
    if (found == entries.end() || found->second.key_id != context.caller->key_id) return false;
    found->second.watchers.push_back(shared);
    return true;
  });
  return is_known ? std::make_shared<Watcher>(std::move(shared)) : nullptr;
}

bool TaskBoard::can_be_task(const tools::Tool& tool) const {
  return tool.name == "slow_compute" || tool.name == "protocol_error_job";
}

Result<TaskPage> TaskBoard::list(const tools::CallContext& context, const std::string& cursor) {
  if (!cursor.empty()) return Error(ErrorCode::validation_failed, "unknown cursor");
  return entries_.with([&](const auto& entries) {
    TaskPage page;
    for (const auto& [id, entry] : entries) {
      if (entry.key_id == context.caller->key_id) page.items.push_back(entry.task);
    }
    return page;
  });
}

Result<void> TaskBoard::cancel(const tools::CallContext& context, const std::string& id) {
  if (auto known = get(context, id); !known) return std::move(known).error();
  end(id, TaskStatus::cancelled, Json::object());
  return {};
}

}  // namespace weir::mcp::fixtures

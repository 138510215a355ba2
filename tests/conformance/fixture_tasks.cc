#include "tests/conformance/fixture_tasks.h"

namespace weir::mcp::fixtures {

namespace {

constexpr std::size_t kIdCharacters = 32;
constexpr std::int64_t kTtlMs = 600'000;
constexpr std::int64_t kPollIntervalMs = 200;

bool has_ended(TaskStatus status) { return status != TaskStatus::working && status != TaskStatus::input_required; }

Error no_task() { return {ErrorCode::not_found, "There is no such task."}; }

}  // namespace

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
  entries_.with([&](auto& entries) {
    const auto found = entries.find(id);
    if (found == entries.end() || has_ended(found->second.task.status)) return;
    found->second.task.status = status;
    found->second.task.payload = std::move(payload);
    found->second.task.last_updated_at = clock_.now();
  });
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
  entries_.with([&](auto& entries) {
    Entry& entry = entries.at(id);
    if (entry.task.status != TaskStatus::input_required) return;
    Json& requests = entry.task.payload["inputRequests"];
    for (const auto& [key, response] : input_responses.items()) {
      if (requests.erase(key) > 0) entry.responses[key] = response;
    }
    if (!requests.empty()) return;
    entry.task.status = TaskStatus::working;
    entry.task.payload = Json::object();
    answered = std::move(entry.answered);
    responses = std::move(entry.responses);
  });
  if (answered) answered(responses);
  return {};
}

Result<void> TaskBoard::cancel(const tools::CallContext& context, const std::string& id) {
  if (auto known = get(context, id); !known) return std::move(known).error();
  end(id, TaskStatus::cancelled, Json::object());
  return {};
}

}  // namespace weir::mcp::fixtures

#include "tools/runs/database_run_session.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "tools/runs/run_usage.h"

namespace weir::tools::runs {
namespace {

using std::chrono::milliseconds;

std::string_view to_string(StepEnd::Status status) {
  switch (status) {
    case StepEnd::Status::completed: return "completed";
    case StepEnd::Status::failed: return "failed";
    case StepEnd::Status::skipped: return "skipped";
  }
  return "failed";
}

std::string_view to_string(RunSession::DeltaKind kind) {
  return kind == RunSession::DeltaKind::text ? "text" : "reasoning";
}

}  // namespace

std::optional<StepEnd> end_of_step(const store::RunStepRow& step) {
  if (step.status == "running") return std::nullopt;
  StepEnd end;
  end.status = step.status == "completed" ? StepEnd::Status::completed
               : step.status == "skipped" ? StepEnd::Status::skipped
                                          : StepEnd::Status::failed;
  end.result = step.result;
  end.error = step.error;
  end.is_tainted = step.is_tainted;
  return end;
}

DatabaseRunSession::DatabaseRunSession(const RunParts& parts, RunRecord& record, RunStop& stop, const RunWatch& watch)
    : parts_(parts), record_(record), stop_(stop), desk_(parts, record, stop, watch) {}

DatabaseRunSession::~DatabaseRunSession() {
  try {
    // A failure is logged and has requested the stop.
    if (auto flushed = record_.flush(); !flushed) stop_.request(RunStopReason::records_failed, flushed.error().message);
  } catch (const std::exception& error) {  // of memory: the run is taken up again
    log::error("run.write_failed", {{"run", record_.row().id}, {"cause", error.what()}});
    stop_.request(RunStopReason::records_failed, "The server ran out of memory.");
  }
}

Result<void> DatabaseRunSession::load() {
  if (auto loaded = desk_.load(); !loaded) return loaded;
  return parts_.database.read([&](store::Transaction& transaction) -> Result<void> {
    auto steps = store::run_steps(transaction, run().id);
    if (!steps) return std::move(steps).error();
    for (store::RunStepRow& step : *steps) steps_.insert_or_assign(step.step_id, std::move(step));
    auto messages = store::run_messages(transaction, run().id);
    if (!messages) return std::move(messages).error();
    messages_ = static_cast<std::int64_t>(messages->size());
    return {};
  });
}

bool DatabaseRunSession::wait(milliseconds delay) {
  const auto until = parts_.clock.steady_now() + delay;
  while (!should_stop()) {
    const auto left = std::chrono::ceil<milliseconds>(until - parts_.clock.steady_now());
    if (left.count() <= 0) return true;
    constexpr milliseconds kLookMax{250};
    desk_.wait(std::min(left, kLookMax));
  }
  return false;
}

Result<void> DatabaseRunSession::write_step(std::function<Result<void>(store::Transaction&)> body) {
  if (record_.agent().kind != agents::AgentKind::playbook) return record_.write(body);
  record_.defer(std::move(body));
  return {};
}

store::RunStepRow DatabaseRunSession::new_step(std::string_view step_id, std::string_view tool) const {
  store::RunStepRow step;
  step.run_id = run().id;
  step.step_id = std::string(step_id);
  step.position = static_cast<std::int64_t>(steps_.size());
  step.tool = std::string(tool);
  step.started_at = parts_.clock.now();
  return step;
}

Result<std::optional<StepEnd>> DatabaseRunSession::begin_step(std::string_view step_id, std::string_view tool) {
  const auto found = steps_.find(step_id);
  const bool is_new = found == steps_.end();
  store::RunStepRow step = is_new ? new_step(step_id, tool) : found->second;
  if (!is_new) {
    if (auto end = end_of_step(step)) return end;
    ++step.attempts;
  }
  auto written = write_step([this, step, is_new](store::Transaction& transaction) -> Result<void> {
    if (auto stored = store::put_run_step(transaction, step); !stored) return stored;
    if (!is_new) return {};
    record_.tell("step.started", {{"step_id", step.step_id}, {"tool", step.tool}});
    return {};
  });
  if (!written) return std::move(written).error();
  steps_.insert_or_assign(std::string(step_id), std::move(step));
  return std::optional<StepEnd>();
}

Result<void> DatabaseRunSession::end_step(std::string_view step_id, const StepEnd& end) {
  const auto found = steps_.find(step_id);
  CHECK(found != steps_.end(), "a step ends that has begun");
  return store_end(found->second, end);
}

Result<void> DatabaseRunSession::skip_step(std::string_view step_id, std::string_view tool, const StepEnd& end) {
  const auto found = steps_.find(step_id);
  if (found != steps_.end() && end_of_step(found->second)) return {};
  return store_end(found == steps_.end() ? new_step(step_id, tool) : found->second, end);
}

Result<void> DatabaseRunSession::store_end(store::RunStepRow step, const StepEnd& end) {
  step.status = std::string(to_string(end.status));
  step.result = end.result;
  step.error = end.error;
  step.is_tainted = end.is_tainted;
  step.finished_at = parts_.clock.now();
  Json data = {{"step_id", step.step_id},
               {"tool", step.tool},
               {"status", step.status},
               {"error", step.error},
               {"duration_ms", (*step.finished_at - step.started_at).count()}};
  auto written =
      write_step([this, step, data = std::move(data)](store::Transaction& transaction) mutable -> Result<void> {
        if (auto stored = store::put_run_step(transaction, step); !stored) return stored;
        record_.tell("step.completed", std::move(data));
        return {};
      });
  if (written) steps_.insert_or_assign(step.step_id, std::move(step));
  return written;
}

Result<std::vector<store::RunMessageRow>> DatabaseRunSession::messages() {
  return parts_.database.read_for([&](store::Transaction& transaction) -> Result<std::vector<store::RunMessageRow>> {
    std::vector<std::vector<store::RunMessageRow>> of_runs;
    std::size_t count = 0;
    std::optional<std::string> id = run().id;
    std::optional<std::string> previous = run().previous_run_id;
    for (int back = 0; back < kChainMax && id; ++back) {
      auto messages = store::run_messages(transaction, *id);
      if (!messages) return std::move(messages).error();
      count += messages->size();
      // Whole runs only: a conversation that begins between a call and its answer is none.
      if (back > 0 && count > kMessagesMax) break;
      of_runs.push_back(*std::move(messages));
      id = previous;
      if (!id) break;
      auto before = store::run_by_id(transaction, run().account_id, *id);
      if (!before) {
        if (before.error().code == ErrorCode::not_found) break;
        return std::move(before).error();
      }
      previous = before->previous_run_id;
    }
    std::vector<store::RunMessageRow> all;
    for (auto messages = of_runs.rbegin(); messages != of_runs.rend(); ++messages) {
      for (store::RunMessageRow& message : *messages) all.push_back(std::move(message));
    }
    return all;
  });
}

Result<void> DatabaseRunSession::add_message(std::string_view role, Json content, std::string_view text) {
  if (auto flushed = flush_deltas(); !flushed) return flushed;
  const bool is_told = role == "assistant";
  auto written = record_.write([&](store::Transaction& transaction) -> Result<void> {
    auto position = store::append_run_message(transaction, {.run_id = run().id,
                                                            .position = 0,
                                                            .role = std::string(role),
                                                            .content = content,
                                                            .created_at = parts_.clock.now()});
    if (!position) return std::move(position).error();
    if (!is_told) return {};
    record_.tell("message.completed", {{"position", *position}, {"role", role}, {"text", text}});
    return {};
  });
  if (written) ++messages_;
  return written;
}

Result<void> DatabaseRunSession::begin_message() {
  // A message that broke off has begun before this one: its last pieces are its own.
  if (auto flushed = flush_deltas(); !flushed) return flushed;
  desk_.forget_last_answer();
  return record_.write_event("message.started", {{"position", messages_}, {"role", "assistant"}});
}

Result<void> DatabaseRunSession::add_delta(DeltaKind kind, std::string_view piece) {
  const bool is_text = kind == DeltaKind::text;
  // What came of the other kind was written before this.
  streaming::DeltaCoalescer& other = is_text ? reasoning_ : text_;
  if (std::string rest = other.take(); !rest.empty()) {
    auto told = tell_delta(is_text ? DeltaKind::reasoning : DeltaKind::text, std::move(rest));
    if (!told) return told;
  }
  auto due = (is_text ? text_ : reasoning_).add(piece, parts_.clock.steady_now());
  if (!due) return {};
  return tell_delta(kind, *std::move(due));
}

Result<void> DatabaseRunSession::flush_deltas() {
  if (std::string rest = reasoning_.take(); !rest.empty()) {
    if (auto told = tell_delta(DeltaKind::reasoning, std::move(rest)); !told) return told;
  }
  if (std::string rest = text_.take(); !rest.empty()) return tell_delta(DeltaKind::text, std::move(rest));
  return {};
}

Result<void> DatabaseRunSession::tell_delta(DeltaKind kind, std::string text) {
  return record_.write_event("message.delta", {{"kind", to_string(kind)}, {"text", std::move(text)}});
}

Result<std::optional<std::string>> DatabaseRunSession::add_usage(const TurnUsage& usage) {
  record_.change_use([&](store::RunRow& row) {
    row.usage = usage_from(row.usage);
    add_turn(row.usage, usage);
    set_wall(row.usage, record_.active_time());
  });
  if (auto written = record_.write_event("usage.updated", run().usage); !written) return std::move(written).error();
  return used_up(run().usage, limits());
}

Result<void> DatabaseRunSession::add_attempt(std::string_view subject, std::int64_t n, std::string_view outcome,
                                             std::string_view detail, UnixMillis started_at) {
  return record_.write([&](store::Transaction& transaction) {
    return store::append_run_attempt(transaction, {.run_id = run().id,
                                                   .subject = std::string(subject),
                                                   .n = n,
                                                   .outcome = std::string(outcome),
                                                   .detail = std::string(detail),
                                                   .started_at = started_at,
                                                   .finished_at = parts_.clock.now()});
  });
}

Result<void> DatabaseRunSession::warn(std::string_view code, std::string_view message) {
  return record_.write_event("warning", {{"code", code}, {"message", message}});
}

}  // namespace weir::tools::runs

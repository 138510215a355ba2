#include "tools/runs/run_ending.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "tools/runs/call_record.h"
#include "tools/runs/call_result.h"
#include "tools/runs/run_record.h"
#include "tools/runs/run_usage.h"
#include "tools/schema.h"

namespace weir::tools::runs {
namespace {

// A run's whole output: what a reader of the run gets at once.
constexpr std::size_t kOutputBytesMax = 256 * 1'024;

const std::vector<std::string> kOpenCalls = {"pending", "awaiting_approval", "running"};

std::string violations_text(const std::vector<FieldError>& violations) {
  std::string text;
  for (const FieldError& each : violations) {
    text += (text.empty() ? "" : "; ") + (each.field.empty() ? std::string("output") : each.field) + " " + each.message;
  }
  return text;
}

// What was under way or waited when the run ended has a stated end, too.
Result<void> close_calls(const RunParts& parts, store::Transaction& transaction, const store::RunRow& run,
                         const RunEnding& ending, UnixMillis now) {
  auto calls = store::tool_calls_with(transaction, run.id, kOpenCalls);
  if (!calls) return std::move(calls).error();
  for (store::ToolCallRow& call : *calls) {
    const bool was_made = call.status == "running";
    call.status = was_made ? "failed" : "skipped";
    call.is_error = was_made;
    call.error = {{"code", ending.code.empty() ? ending.status : ending.code},
                  {"message", was_made ? "The run ended before " + call.name + " answered."
                                       : "The run ended before " + call.name + " was called."}};
    call.finished_at = now;
    if (auto stored = store::update_tool_call(transaction, call, kOpenCalls); !stored) return stored;
    if (auto told = tell_of_run(parts.events, transaction, run, "tool_call.failed", call_event(call)); !told)
      return told;
    if (parts.runs.meter != nullptr) {
      transaction.on_commit([meter = parts.runs.meter, status = call.status] { meter->call_ended(status); });
    }
  }
  return {};
}

Result<void> close_steps(store::Transaction& transaction, const store::RunRow& run, const RunEnding& ending,
                         UnixMillis now) {
  auto steps = store::run_steps_with(transaction, run.id, "running");
  if (!steps) return std::move(steps).error();
  for (store::RunStepRow& step : *steps) {
    step.status = "failed";
    step.error = {{"code", ending.code.empty() ? ending.status : ending.code}, {"message", ending.message}};
    step.finished_at = now;
    if (auto stored = store::put_run_step(transaction, step); !stored) return stored;
  }
  return {};
}

Json ended_event(const store::RunRow& run) {
  Json data = run_event(run);
  data["output"] = run.output;
  data["usage"] = run.usage;
  data["error"] = nullptr;
  if (run.error_code) data["error"] = {{"code", *run.error_code}, {"message", run.error_message.value_or("")}};
  data["incomplete_reason"] = run.incomplete_reason ? Json(*run.incomplete_reason) : Json();
  data["started_at"] = run.started_at ? Json(to_rfc3339(*run.started_at)) : Json();
  data["finished_at"] = to_rfc3339(run.finished_at.value_or(run.updated_at));
  data["duration_ms"] = run.active_ms;
  if (run.error_message) data["message"] = *run.error_message;
  return data;
}

}  // namespace

RunEnding ending_of(const EngineOutcome& outcome, const Json& output_schema) {
  RunEnding ending{.status = "failed", .code = outcome.code, .message = outcome.message, .output = outcome.output};
  if (outcome.kind == EngineOutcome::Kind::incomplete) ending.status = "incomplete";
  if (outcome.kind != EngineOutcome::Kind::completed) return ending;
  if (!output_schema.is_null()) {
    auto schema = Schema::compile(output_schema);
    // It compiled when the agent was created.
    const auto violations =
        schema ? schema->violations(outcome.output) : std::vector<FieldError>{{"", schema.error().message}};
    if (!violations.empty()) {
      ending.code = "output_invalid";
      ending.message = "The output does not fit the agent's output_schema: " + violations_text(violations) + ".";
      return ending;
    }
  }
  ending.status = "completed";
  ending.code.clear();
  return ending;
}

Result<void> store_ending(const RunParts& parts, store::Transaction& transaction, store::RunRow run, RunEnding ending,
                          std::chrono::milliseconds active) {
  if (store::is_terminal_run_status(run.status)) return {};
  const std::string before = run.status;
  const UnixMillis now = parts.clock.now();
  if (before == "cancelling") {
    // Whoever cancelled it was told so.
    ending.status = "cancelled";
    ending.code = "cancelled";
    ending.message = run.error_message.value_or("Cancelled.");
  }
  run.status = ending.status;
  run.output =
      capped(std::move(ending.output), kOutputBytesMax,
             "The output was too long to keep whole: lists and texts were shortened. The steps and tool calls of the "
             "run hold its parts.");
  run.required_action = nullptr;
  run.incomplete_reason.reset();
  run.error_code.reset();
  run.error_message.reset();
  if (ending.status == "incomplete") run.incomplete_reason = ending.code;
  if (ending.status == "failed" || ending.status == "cancelled" || ending.status == "expired")
    run.error_code = ending.code;
  if (!ending.message.empty() && ending.status != "completed") run.error_message = ending.message;
  run.active_ms = active.count();
  run.usage = usage_from(run.usage);
  set_wall(run.usage, active);
  run.finished_at = now;
  run.updated_at = now;
  if (auto closed = close_calls(parts, transaction, run, ending, now); !closed) return closed;
  if (auto closed = close_steps(transaction, run, ending, now); !closed) return closed;
  if (auto stored = store::update_run(transaction, run, {before}); !stored) return stored;
  // Its place, or the one that it was woken for, is free: the oldest that waits for one is woken.
  if (auto woken = parts.jobs.make_due(transaction, kRunJobKind, run.account_id); !woken) return woken;
  if (parts.runs.meter != nullptr) {
    transaction.on_commit([meter = parts.runs.meter, status = run.status] { meter->run_ended(status); });
  }
  return tell_of_run(parts.events, transaction, run, "run." + run.status, ended_event(run));
}

}  // namespace weir::tools::runs

// CallDesk: calls that are made, from their place to their end.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "tools/runs/call_desk.h"
#include "tools/runs/call_record.h"
#include "tools/runs/call_result.h"
#include "tools/runs/call_retry.h"
#include "tools/runs/run_usage.h"

namespace weir::tools::runs {
namespace {

using std::chrono::milliseconds;

const std::vector<std::string> kNotEnded = {"pending", "awaiting_approval", "running"};

// The longest that the run's thread sleeps without looking at its clock.
constexpr milliseconds kLookMax{250};

Json error_json(std::string_view code, const std::string& message) { return {{"code", code}, {"message", message}}; }

}  // namespace

Result<void> CallDesk::enqueue(Call call) {
  const std::string key = call.row.call_key;
  const bool has_place =
      in_flight() < static_cast<std::size_t>(std::max<std::int64_t>(record_.limits().max_parallel, 1));
  if (!has_place && !call.is_recorded) {
    auto written = record_.write([&](store::Transaction& transaction) -> Result<void> {
      if (auto stored = store::insert_tool_call(transaction, call.row); !stored) return stored;
      record_.tell("tool_call.created", call_event(call.row, ShowArguments::yes));
      return audit(transaction, call.row, "run.tool_called", "");
    });
    if (!written) return written;
    call.is_recorded = true;
    rows_.insert_or_assign(key, call.row);
  }
  Call& kept = calls_.insert_or_assign(key, std::move(call)).first->second;
  if (has_place) return launch(kept);
  queue_.push_back(key);
  return {};
}

// Recorded as running before it is made: what a dead process left as running may have been made.
Result<void> CallDesk::launch(Call& call) {
  const bool is_new = !call.is_recorded;
  const bool is_same_try = std::exchange(call.is_refused, false);
  call.row.status = "running";
  if (!is_same_try) ++call.row.attempts;
  call.try_began = parts_.clock.now();
  if (!call.row.started_at) call.row.started_at = call.try_began;
  if (!is_same_try) {
    Json created = is_new ? call_event(call.row, ShowArguments::yes) : Json();
    Json started = call_event(call.row);
    started["attempt"] = call.row.attempts;
    auto written = record_.write([&](store::Transaction& transaction) -> Result<void> {
      if (is_new) {
        if (auto stored = store::insert_tool_call(transaction, call.row); !stored) return stored;
        record_.tell("tool_call.created", std::move(created));
        if (auto noted = audit(transaction, call.row, "run.tool_called", ""); !noted) return noted;
      } else if (auto stored = store::update_tool_call(transaction, call.row, kNotEnded); !stored) {
        return stored;
      }
      record_.tell("tool_call.started", std::move(started));
      return {};
    });
    if (!written) return written;
    call.is_recorded = true;
    rows_.insert_or_assign(call.row.call_key, call.row);
  } else {
    auto written = record_.write(
        [&](store::Transaction& transaction) { return store::update_tool_call(transaction, call.row, kNotEnded); });
    if (!written) return written;
  }
  hand_over(call);
  return {};
}

void CallDesk::hand_over(Call& call) {
  const bool is_alone = in_flight() == 0;
  call.phase = Call::Phase::in_flight;
  call.is_admitted = false;
  call.attempt = ++attempts_;
  call.deadline = parts_.clock.steady_now() + call.timeout;
  if (last_answer_at_ && is_alone && parts_.runs.meter != nullptr) {
    parts_.runs.meter->step_overhead(parts_.clock.steady_now() - *last_answer_at_);
  }
  last_answer_at_.reset();

  const auto report = [inbox = inbox_, key = call.row.call_key, attempt = call.attempt,
                       &clock = parts_.clock](CallReport::Kind kind) {
    CallReport made;
    made.key = key;
    made.attempt = attempt;
    made.kind = kind;
    made.at = clock.steady_now();
    return made;
  };
  ToolCaller::Callbacks callbacks;
  callbacks.held = [inbox = inbox_, report](milliseconds about) {
    CallReport made = report(CallReport::Kind::held);
    made.about = about;
    inbox->push(std::move(made));
  };
  callbacks.admitted = [inbox = inbox_, report] { inbox->push(report(CallReport::Kind::admitted)); };
  callbacks.progress = [inbox = inbox_, report](const Json& event) {
    CallReport made = report(CallReport::Kind::progress);
    made.event = event;
    inbox->push(std::move(made));
  };
  callbacks.done = [inbox = inbox_, report](Result<ToolResult> answer) {
    CallReport made = report(CallReport::Kind::answered);
    made.answer.emplace(std::move(answer));
    inbox->push(std::move(made));
  };
  call.pending = parts_.runs.caller.call({.run_id = record_.row().id,
                                          .tool_call_id = call.row.id,
                                          .account_id = record_.row().account_id,
                                          .key_id = record_.row().created_by_key,
                                          .name = call.row.name,
                                          .arguments = arguments_to_make(call.row),
                                          .hold_max = kHoldMax,
                                          .owner_scopes = owner_scopes({}, record_.row()).names()},
                                         std::move(callbacks));
}

std::optional<CallOutcome> CallDesk::next(std::optional<TimePoint> deadline) {
  while (true) {
    if (stop_.is_requested()) return std::nullopt;
    // A failure has requested the stop already.
    if (auto worked = work(); !worked) return std::nullopt;
    if (stop_.is_requested()) return std::nullopt;
    if (!ready_.empty()) {
      CallOutcome outcome = std::move(ready_.front());
      ready_.pop_front();
      return outcome;
    }
    const TimePoint now = parts_.clock.steady_now();
    if (calls_.empty() || (deadline && *deadline <= now)) return std::nullopt;
    if (auto flushed = record_.flush(); !flushed) return std::nullopt;
    const TimePoint due = next_due(deadline ? std::min(*deadline, now + kLookMax) : now + kLookMax);
    inbox_->wait(stop_.token(), std::chrono::ceil<milliseconds>(std::max(due, now) - now));
  }
}

void CallDesk::wait(milliseconds longest) {
  forget_last_answer();
  // A failure has requested the stop already.
  if (auto flushed = record_.flush(); !flushed) return;
  inbox_->wait(stop_.token(), longest);
  if (auto worked = work(); !worked) log::warning("run.calls_stopped", {{"run", record_.row().id}});
}

CallDesk::TimePoint CallDesk::next_due(TimePoint latest) const {
  for (const auto& [key, call] : calls_) {
    if (call.phase == Call::Phase::resting) latest = std::min(latest, call.rests_until);
    if (call.phase == Call::Phase::in_flight && call.deadline) latest = std::min(latest, *call.deadline);
    if (!call.progress.is_null() && call.progress_told_at)
      latest = std::min(latest, *call.progress_told_at + kProgressInterval);
  }
  if (held_since_ && !is_hold_told_) latest = std::min(latest, *held_since_ + kHoldToldAfter);
  return latest;
}

Result<void> CallDesk::work() {
  while (auto report = inbox_->take()) {
    if (auto taken = take_in(*std::move(report)); !taken) return taken;
  }
  const TimePoint now = parts_.clock.steady_now();
  if (held_since_ && !is_hold_told_ && *held_since_ + kHoldToldAfter <= now) {
    is_hold_told_ = true;
    tell_hold();
  }
  std::vector<std::string> keys;
  for (const auto& [key, call] : calls_) keys.push_back(key);
  for (const std::string& key : keys) {
    const auto found = calls_.find(key);
    if (found == calls_.end()) continue;
    Call& call = found->second;
    Result<void> done;
    if (call.phase == Call::Phase::in_flight && call.deadline && *call.deadline <= now) {
      call.pending.reset();
      done = failed(call, Error(ErrorCode::timed_out, call.row.name + " gave no answer within " +
                                                          std::to_string(call.timeout.count()) + " ms."));
    } else if (call.phase == Call::Phase::resting && call.rests_until <= now) {
      done = launch(call);
    } else if (!call.progress.is_null() &&
               (!call.progress_told_at || *call.progress_told_at + kProgressInterval <= now)) {
      done = tell_progress(call);
    }
    if (!done) return done;
  }
  const auto places = static_cast<std::size_t>(std::max<std::int64_t>(record_.limits().max_parallel, 1));
  while (!queue_.empty() && in_flight() < places) {
    const std::string key = std::move(queue_.front());
    queue_.pop_front();
    const auto found = calls_.find(key);
    if (found == calls_.end()) continue;
    if (auto launched = launch(found->second); !launched) return launched;
  }
  return {};
}

Result<void> CallDesk::take_in(CallReport report) {
  const auto found = calls_.find(report.key);
  if (found == calls_.end() || found->second.attempt != report.attempt) return {};
  Call& call = found->second;
  switch (report.kind) {
    case CallReport::Kind::held:
      call.deadline.reset();
      hold(call, report.about);
      return {};
    case CallReport::Kind::admitted:
      call.is_admitted = true;
      call.deadline = report.at + call.timeout;
      let_go(call);
      return {};
    case CallReport::Kind::progress: call.progress = std::move(report.event); return {};
    case CallReport::Kind::answered: return answered(call, *std::move(report.answer), report.at);
  }
  return {};
}

void CallDesk::hold(Call& call, milliseconds about) {
  if (std::exchange(call.is_held, true)) return;
  call.held_since = parts_.clock.steady_now();
  ++held_;
  note_held(about);
}

void CallDesk::let_go(Call& call) {
  if (!std::exchange(call.is_held, false)) return;
  call.held += std::chrono::duration_cast<milliseconds>(parts_.clock.steady_now() - call.held_since);
  --held_;
  note_held(std::nullopt);
}

void CallDesk::note_held(std::optional<milliseconds> about) {
  const bool is_held = held_ > 0;
  if (is_held == held_since_.has_value()) return;
  if (is_held) {
    held_since_ = parts_.clock.steady_now();
    held_about_ = about;
    return;
  }
  held_before_ = held_time();
  held_since_.reset();
  if (std::exchange(is_hold_told_, false)) tell_hold();
}

// With the next write: the answer may be here already, and a run that waits writes before it does.
void CallDesk::tell_hold() {
  Json data = {{"status", record_.row().status}, {"waiting_for", nullptr}, {"retry_after_ms", nullptr}};
  if (is_hold_told_) {
    data["waiting_for"] = "rate_limit";
    if (held_about_) data["retry_after_ms"] = held_about_->count();
  }
  record_.defer([this, data = std::move(data)](store::Transaction&) mutable {
    record_.tell("run.status", std::move(data));
    return Result<void>();
  });
}

Result<void> CallDesk::tell_progress(Call& call) {
  Json data = {{"tool_call_id", call.row.id},
               {"step_id", call.row.step_id},
               {"name", call.row.name},
               {"event", std::exchange(call.progress, Json())}};
  call.progress_told_at = parts_.clock.steady_now();
  return record_.write_event("tool_call.progress", std::move(data));
}

Result<void> CallDesk::answered(Call& call, Result<ToolResult> answer, TimePoint at) {
  call.pending.reset();
  if (in_flight() == 1) last_answer_at_ = at;
  if (!answer) return failed(call, answer.error());
  complete(call, *answer);
  return {};
}

void CallDesk::complete(Call& call, const ToolResult& result) {
  call.row.status = "completed";
  call.row.result = result_to_keep(result, call.row.name);
  call.row.summary = shortened(result.summary, kSummaryBytesMax);
  call.row.is_tainted = call.tool.is_tainting || call.tool.is_external();
  end(call, "ok", "");
}

Result<void> CallDesk::failed(Call& call, const Error& error) {
  if (!error.cause.empty()) {
    log::warning("run.call_failed", {{"run", call.row.run_id}, {"tool", call.row.name}, {"cause", error.cause}});
  }
  const bool is_of_key = error.code == ErrorCode::unauthorized || error.code == ErrorCode::api_key_expired;
  // Refused before it reached the tool: nothing was done, so it may always be asked again, until the run's time is over.
  const bool is_gate_busy = error.code == ErrorCode::rate_limit_exceeded || error.code == ErrorCode::unavailable;
  if (is_gate_busy && !call.is_admitted && call.phase == Call::Phase::in_flight) {
    const milliseconds delay = refused_delay(error, parts_.random);
    if (parts_.clock.steady_now() + delay < watch_.deadline()) {
      call.is_refused = true;
      return rest(call, delay, error);
    }
  } else if (!is_of_key && is_passing(error.code) && call.may_retry && call.tool.is_repeatable &&
             call.row.attempts < call.max_attempts) {
    const milliseconds delay = retry_delay(error, call.row.attempts, parts_.random);
    if (parts_.clock.steady_now() + delay < watch_.deadline()) return rest(call, delay, error);
  }
  call.row.status = error.code == ErrorCode::timed_out ? "timed_out" : "failed";
  call.row.is_error = true;
  call.row.error = error_json(to_string(error.code), error.message);
  call.row.is_tainted = call.tool.is_external();  // its words
  end(call, to_string(error.code), error.message);
  if (is_of_key) stop_.request(RunStopReason::key_revoked, error.message);
  return {};
}

Result<void> CallDesk::rest(Call& call, milliseconds delay, const Error& error) {
  call.phase = Call::Phase::resting;
  call.has_rested = true;
  call.rests_until = parts_.clock.steady_now() + delay;
  call.deadline.reset();
  // What was refused was not made: a process that takes the run up now may make it, whatever the tool.
  if (call.is_refused) call.row.status = "pending";
  auto written = record_.write([&](store::Transaction& transaction) -> Result<void> {
    if (call.is_refused) {
      if (auto stored = store::update_tool_call(transaction, call.row, kNotEnded); !stored) return stored;
    }
    return store::append_run_attempt(transaction, {.run_id = call.row.run_id,
                                                   .subject = call.row.id,
                                                   .n = call.row.attempts,
                                                   .outcome = std::string(to_string(error.code)),
                                                   .detail = error.message,
                                                   .started_at = call.try_began,
                                                   .finished_at = parts_.clock.now()});
  });
  if (written && call.is_refused) hold(call, delay);
  return written;
}

// Nothing outside depends on an end yet: it is written with what the engine does next, at the latest before the run waits.
// A process that dies in between left the call as running, which means what it says: it may have been made.
void CallDesk::end(Call& call, std::string_view outcome, std::string_view detail) {
  const UnixMillis now = parts_.clock.now();
  call.row.finished_at = now;
  std::optional<store::RunAttemptRow> attempt;
  // The only try of a call is what the call's own row says; one that never was in flight here has none of its own.
  if (call.try_began != UnixMillis{} && (call.has_rested || call.row.attempts > 1)) {
    attempt = {.run_id = call.row.run_id,
               .subject = call.row.id,
               .n = call.row.attempts,
               .outcome = std::string(outcome),
               .detail = std::string(detail),
               .started_at = call.try_began,
               .finished_at = now};
  }
  record_.defer([this, row = call.row, attempt,
                 data = call_event(call.row)](store::Transaction& transaction) mutable -> Result<void> {
    if (auto stored = store::update_tool_call(transaction, row, kNotEnded); !stored) return stored;
    if (RunMeter* const meter = parts_.runs.meter; meter != nullptr) {
      transaction.on_commit([meter, status = row.status] { meter->call_ended(status); });
    }
    if (attempt) {
      if (auto noted = store::append_run_attempt(transaction, *attempt); !noted) return noted;
    }
    record_.tell(row.status == "completed" ? "tool_call.completed" : "tool_call.failed", std::move(data));
    return {};
  });
  record_.change_use([&](store::RunRow& run) {
    run.usage = usage_from(run.usage);
    add_tool_call(run.usage);
    if (call.row.is_tainted) run.is_tainted = true;
  });
  let_go(call);
  CallOutcome outcome_now = outcome_of(call.row);
  outcome_now.held = call.held;
  ready_.push_back(std::move(outcome_now));
  const std::string key = call.row.call_key;
  rows_.insert_or_assign(key, call.row);
  calls_.erase(key);  // `call` is gone, if it was of calls_
}

Result<void> CallDesk::abandon(std::string_view key) {
  std::erase_if(ready_, [&](const CallOutcome& outcome) { return outcome.key == key; });
  const auto found = calls_.find(key);
  if (found == calls_.end()) return {};
  Call& call = found->second;
  call.pending.reset();
  call.row.status = "timed_out";
  call.row.is_error = true;
  call.row.error = error_json("timed_out", "The time of the step was over before " + call.row.name + " answered.");
  end(call, "timed_out", "given up");
  std::erase_if(ready_, [&](const CallOutcome& outcome) { return outcome.key == key; });
  return {};
}

}  // namespace weir::tools::runs

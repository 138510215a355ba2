#include "tools/runs/playbook/playbook_engine.h"

#include <algorithm>
#include <deque>

#include "tools/runs/playbook/plan.h"
#include "tools/runs/playbook/step_run.h"

namespace weir::tools::runs {
namespace {

using Status = StepEnd::Status;
using OnError = agents::Step::OnError;
using Kind = EngineOutcome::Kind;

// Not thread-safe: owned by the run's thread.
class PlaybookRun {
 public:
  PlaybookRun(RunSession& session, const Plan& plan, const ToolDirectory& directory)
      : session_(session), plan_(plan), directory_(directory), inputs_(session.run().input), run_(run_json()) {
    for (const PlannedStep& planned : plan_.steps()) steps_.emplace_back(planned);
    surroundings_.bindings = {{"inputs", &inputs_}, {"run", &run_}, {"steps", &results_}};
  }

  Result<EngineOutcome> execute() {
    if (auto recalled = recall(); !recalled) return std::move(recalled).error();
    while (!session_.should_stop()) {
      // What is on record is heard before anything new begins, so that a failure stops the same steps as it did before.
      if (auto started = start_calls(); !started) return std::move(started).error();
      if (auto begun = begin_what_can(); !begun) return std::move(begun).error();
      if (auto started = start_calls(); !started) return std::move(started).error();
      // A poll that is due but has no place waits for one: for the end of a call, not for its time.
      const auto wakes = has_place() ? wakes_at() : std::nullopt;
      if (session_.should_stop()) break;
      if (calls_.empty() && !wakes) {
        // A call that was answered at once may be what others waited for.
        if (!is_ending() && std::ranges::any_of(steps_, [this](const StepRun& step) { return is_ready(step); }))
          continue;
        return concluded();
      }
      if (auto waited = wait_for_news(wakes); !waited) return std::move(waited).error();
    }
    return EngineOutcome{.kind = Kind::stopped};
  }

 private:
  [[nodiscard]] Json run_json() const {
    const store::RunRow& run = session_.run();
    return {{"id", run.id},
            {"agent_id", run.agent_id},
            {"agent_version", run.agent_version},
            {"queued_at", to_rfc3339(run.queued_at)}};
  }

  [[nodiscard]] static bool fails_the_run(const StepRun& step) {
    if (!step.end() || step.end()->status != Status::failed) return false;
    return step.planned().step.on_error != OnError::carry_on || ends_the_run(string_or(step.end()->error, "code", ""));
  }
  // Nothing new begins.
  [[nodiscard]] bool is_ending() const { return is_over_steps_ || std::ranges::any_of(steps_, fails_the_run); }

  [[nodiscard]] bool is_ready(const StepRun& step) const {
    const auto has_ended = [&](std::size_t needed) { return steps_[needed].end().has_value(); };
    return !step.has_begun() && !step.end() && std::ranges::all_of(step.planned().needs, has_ended);
  }

  // Steps that had begun when the run was taken up.
  Result<void> recall() {
    for (StepRun& step : steps_) {
      if (!session_.has_begun(step.planned().step.id)) continue;
      if (auto begun = begin(step); !begun) return begun;
    }
    return {};
  }

  // In rounds, because a step that is skipped or fails at once can be what others wait for.
  Result<void> begin_what_can() {
    while (!is_ending()) {
      std::vector<StepRun*> ready;
      for (std::size_t position = 0; position < steps_.size(); ++position) {
        StepRun& step = steps_[position];
        if (!is_ready(step)) continue;
        if (position >= static_cast<std::size_t>(session_.limits().max_steps)) {
          is_over_steps_ = true;
        } else {
          ready.push_back(&step);
        }
      }
      if (ready.empty()) return {};
      for (StepRun* const step : ready) {
        if (auto begun = begin(*step); !begun) return begun;
      }
    }
    return {};
  }

  Result<void> begin(StepRun& step) {
    const agents::Step& wanted = step.planned().step;
    if (!session_.has_begun(wanted.id)) {
      step.begin(surroundings_, session_.clock().steady_now());
      if (step.end() && step.end()->status == Status::skipped) return skip(step, *step.end());
    }
    auto recorded = session_.begin_step(wanted.id, wanted.tool);
    if (!recorded) return std::move(recorded).error();
    if (*recorded) {
      step.end_with(**std::move(recorded));
      make_known(step);
      return {};
    }
    if (!step.has_begun()) step.begin(surroundings_, session_.clock().steady_now());
    return record_end(step);
  }

  Result<void> skip(const StepRun& step, const StepEnd& end) {
    const agents::Step& skipped = step.planned().step;
    if (auto recorded = session_.skip_step(skipped.id, skipped.tool, end); !recorded) return recorded;
    if (step.end()) make_known(step);
    return {};
  }

  // If it has ended now.
  Result<void> record_end(StepRun& step) {
    if (!step.end()) return {};
    if (auto ended = session_.end_step(step.planned().step.id, *step.end()); !ended) return ended;
    make_known(step);
    return {};
  }

  // To the expressions of the steps to come.
  void make_known(const StepRun& step) {
    const StepEnd& end = *step.end();
    const std::string& name = step.planned().step.name();
    Json known{{"status",
                end.status == Status::completed ? "completed" : (end.status == Status::failed ? "failed" : "skipped")}};
    if (end.status == Status::completed) known[step.planned().for_each ? "results" : "result"] = end.result;
    if (end.status != Status::skipped && !end.error.is_null()) known["error"] = end.error;
    results_[name] = std::move(known);
    if (end.status != Status::completed) surroundings_.uncompleted.insert(name);
    if (end.is_tainted) surroundings_.tainted.insert(name);
  }

  [[nodiscard]] bool has_place() const {
    return calls_.size() < static_cast<std::size_t>(std::max<std::int64_t>(session_.limits().max_parallel, 1));
  }

  // One call of each step in turn, until as many are under way as may be.
  Result<void> start_calls() {
    for (bool has_started = true; has_started && has_place();) {
      has_started = false;
      for (std::size_t position = 0; position < steps_.size() && has_place(); ++position) {
        StepRun& step = steps_[position];
        if (!step.has_begun() || step.end()) continue;
        auto wish = step.next_call(session_.clock().steady_now());
        if (auto ended = record_end(step); !ended) return ended;
        if (!wish) continue;
        calls_[wish->key] = position;
        if (auto started = session_.start_call(*std::move(wish)); !started) return started;
        // An answer on record is there at once.
        if (auto heard = hear(); !heard) return heard;
        has_started = true;
      }
    }
    return {};
  }

  // What has been answered already.
  Result<void> hear() {
    while (auto outcome = session_.next_call(session_.clock().steady_now())) {
      if (auto taken = take(*outcome); !taken) return taken;
    }
    return {};
  }

  Result<void> take(const CallOutcome& outcome) {
    const auto found = calls_.find(outcome.key);
    if (found == calls_.end()) return {};
    StepRun& step = steps_[found->second];
    calls_.erase(found);
    const bool was_over = step.end().has_value();
    step.take(outcome, surroundings_, session_.clock().steady_now(), why_not_repeated(step.planned().step));
    return was_over ? Result<void>() : record_end(step);
  }

  [[nodiscard]] std::string why_not_repeated(const agents::Step& step) const {
    const std::string before = "the server stopped while step " + step.id + " was calling " + step.tool +
                               "; whether the call was made is not known, and it is not repeated: ";
    const auto tool = directory_.find(step.tool);
    if (!tool) return before + "there is no such tool any more";
    if (tool->is_external()) return before + "it is a tool of another server";
    return before + "it changes something, and a second time could change it twice";
  }

  [[nodiscard]] std::optional<StepRun::TimePoint> wakes_at() const {
    std::optional<StepRun::TimePoint> first;
    for (const StepRun& step : steps_) {
      const auto wakes = step.wakes_at();
      if (wakes && (!first || *wakes < *first)) first = wakes;
    }
    return first;
  }

  Result<void> wait_for_news(std::optional<StepRun::TimePoint> wakes) {
    const auto now = session_.clock().steady_now();
    if (calls_.empty()) {
      // Only pauses: whether the run should stop is asked by execute().
      if (*wakes > now) session_.wait(std::chrono::ceil<std::chrono::milliseconds>(*wakes - now));
      return {};
    }
    if (auto outcome = session_.next_call(wakes)) return take(*outcome);
    const bool has_time_passed = wakes && session_.clock().steady_now() >= *wakes;
    if (!has_time_passed && !session_.should_stop() && session_.calls_under_way() == 0) {
      return internal_error("a call was started and never ended");
    }
    return {};
  }

  Result<EngineOutcome> concluded() {
    if (!is_ending()) {
      const bool is_waiting = std::ranges::any_of(steps_, [](const StepRun& step) { return step.awaits_approval(); });
      return is_waiting ? EngineOutcome{.kind = Kind::requires_action} : completed();
    }
    EngineOutcome outcome = why_it_ended();
    if (auto skipped = skip_the_rest(outcome.message); !skipped) return std::move(skipped).error();
    return outcome;
  }

  // What cannot go on counts before what a tool said, and that before what there was no room for.
  [[nodiscard]] EngineOutcome why_it_ended() {
    const StepRun* first = nullptr;
    const auto rank = [](const StepRun& step) {
      const std::string code = string_or(step.end()->error, "code", "");
      return code == kCodeServerRestarted ? 0 : (code == kCodeMaxToolCalls ? 2 : 1);
    };
    for (const StepRun& step : steps_) {
      if (fails_the_run(step) && (first == nullptr || rank(step) < rank(*first))) first = &step;
    }
    if (first == nullptr) {
      const std::string most = std::to_string(session_.limits().max_steps);
      return {.kind = Kind::incomplete,
              .output = everything(),
              .code = "max_steps",
              .message = "the playbook has " + std::to_string(steps_.size()) + " steps, and this run may make " + most};
    }
    EngineOutcome outcome{
        .kind = Kind::failed,
        .code = string_or(first->end()->error, "code", "internal"),
        .message = "step " + first->planned().step.id + ": " + string_or(first->end()->error, "message", "")};
    if (outcome.code == kCodeMaxToolCalls) {
      outcome.kind = Kind::incomplete;
      outcome.output = everything();
    }
    return outcome;
  }

  // What never began, and what waits for a person who need not decide any more.
  Result<void> skip_the_rest(const std::string& why) {
    for (const StepRun& step : steps_) {
      if (step.end()) continue;
      const StepEnd end{.status = Status::skipped, .error = step_error("run_ended", "the run ended before: " + why)};
      auto recorded = step.has_begun() ? session_.end_step(step.planned().step.id, end) : skip(step, end);
      if (!recorded) return recorded;
    }
    return {};
  }

  [[nodiscard]] EngineOutcome completed() {
    if (!plan_.output())
      return {.kind = Kind::completed,
              .output = results_of([](const StepRun& step) { return step.planned().is_last; })};
    auto output = plan_.output()->evaluate(surroundings_.bindings);
    if (output) return {.kind = Kind::completed, .output = *std::move(output)};
    const auto code = output.error().code == ErrorCode::not_found ? ErrorCode::validation_failed : output.error().code;
    return {.kind = Kind::failed, .code = std::string(to_string(code)), .message = output.error().message};
  }

  template <typename Chosen>
  [[nodiscard]] Json results_of(Chosen is_chosen) const {
    Json results = Json::object();
    for (const StepRun& step : steps_) {
      if (step.end() && step.end()->status == Status::completed && is_chosen(step)) {
        results[step.planned().step.name()] = step.end()->result;
      }
    }
    return results;
  }
  [[nodiscard]] Json everything() const {
    return results_of([](const StepRun&) { return true; });
  }

  RunSession& session_;
  const Plan& plan_;
  const ToolDirectory& directory_;
  const Json inputs_;
  const Json run_;
  Json results_ = Json::object();  // steps.<name>
  StepSurroundings surroundings_;
  std::deque<StepRun> steps_;
  std::map<std::string, std::size_t> calls_;  // under way: position of the step by the call's key
  bool is_over_steps_ = false;
};

}  // namespace

Engine playbook_engine(const ToolDirectory& directory) {
  return [&directory](RunSession& session) -> Result<EngineOutcome> {
    auto plan = Plan::make(session.agent().playbook);
    if (!plan) {
      return EngineOutcome{
          .kind = Kind::failed, .code = std::string(to_string(plan.error().code)), .message = plan.error().message};
    }
    return PlaybookRun(session, *plan, directory).execute();
  };
}

}  // namespace weir::tools::runs

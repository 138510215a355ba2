#include "server/mcp/progress.h"

#include <algorithm>
#include <cmath>

#include "server/mcp/jsonrpc.h"

namespace weir::mcp {

namespace {

constexpr double kPercentTotal = 100;
// What an event without a percentage adds, so that its message can be told: progress must grow with each notification.
constexpr double kSmallStep = 0.01;

std::optional<double> percent_of(const Json& data) {
  const Json* percent = find_member(data, "percent");
  if (percent == nullptr) {
    if (const Json* progress = find_member(data, "progress")) percent = find_member(*progress, "percent");
  }
  if (percent == nullptr || !percent->is_number()) return std::nullopt;
  return percent->get<double>();
}

double rounded(double progress) { return std::round(progress / kSmallStep) * kSmallStep; }

// Steps and calls of a run: which, and how it went.
std::string message_of_run(const streaming::Event& event) {
  std::string name = string_or(event.data, event.type.starts_with("step.") ? "step_id" : "name", "");
  if (name.empty()) return event.type;
  const std::size_t dot = event.type.find('.');
  std::string word = event.type.substr(dot + 1);
  std::ranges::replace(word, '_', ' ');
  return (event.type.starts_with("step.") ? "step " : "") + name + ": " + word;
}

std::string message_of(const streaming::Event& event) {
  if (const auto message = string_member(event.data, "message")) return *message;
  if (const auto phase = string_member(event.data, "phase")) return *phase;
  return event.type.starts_with("step.") || event.type.starts_with("tool_call.") ? message_of_run(event) : event.type;
}

}  // namespace

void ProgressPace::take(const streaming::Event& event) {
  if (event.type == "message.delta") return;  // pieces of a text say nothing about how far a run is
  const auto percent = event.resource_type == "run" ? std::nullopt : percent_of(event.data);
  if (percent) total_ = kPercentTotal;
  double progress = percent.value_or(last_progress_ < 0 ? 0 : rounded(last_progress_ + kSmallStep));
  // Late or repeated: what waits to be told stays the most that is known.
  if (waiting_) progress = std::max(progress, waiting_->progress);
  if (progress <= last_progress_ || progress > kPercentTotal) return;
  waiting_ = Step{progress, total_, message_of(event)};
}

std::optional<ProgressPace::Step> ProgressPace::due(TimePoint now) {
  if (!waiting_ || (last_sent_ && now < *last_sent_ + interval_)) return std::nullopt;
  last_sent_ = now;
  last_progress_ = waiting_->progress;
  return std::exchange(waiting_, std::nullopt);
}

std::optional<ProgressPace::TimePoint> ProgressPace::next() const {
  if (!waiting_) return std::nullopt;
  return last_sent_ ? *last_sent_ + interval_ : TimePoint{};
}

void ProgressReporter::report(const streaming::Event& event) {
  if (streaming::is_terminal_event(event.type)) return;  // the answer says that
  const bool is_open = state_.with([&](State& state) {
    if (!state.is_stopped) state.pace.take(event);
    return state.is_started && !state.is_stopped;
  });
  if (is_open) send_due();
}

void ProgressReporter::start() {
  state_.with([](State& state) { state.is_started = true; });
  send_due();
}

void ProgressReporter::stop() {
  state_.with([](State& state) { state.is_stopped = true; });
}

void ProgressReporter::send_due() {
  struct Due {
    std::optional<ProgressPace::Step> step;
    std::optional<ProgressPace::TimePoint> timer;
  };
  const auto now = clock_.steady_now();
  const Due due = state_.with([&](State& state) -> Due {
    if (!state.is_started || state.is_stopped) return {};
    Due found{state.pace.due(now), std::nullopt};
    if (const auto next = state.pace.next(); next && !state.is_timer_set) {
      state.is_timer_set = true;
      found.timer = next;
    }
    return found;
  });
  if (due.step) {
    Json params{{"progressToken", token_}, {"progress", due.step->progress}, {"message", due.step->message}};
    if (due.step->total) params["total"] = *due.step->total;
    port_->notify(notification_message("notifications/progress", std::move(params)));
  }
  if (due.timer) {
    // A delay and not a time: the clock of a test is not the timer's.
    timers_.at(std::chrono::steady_clock::now() + (*due.timer - now), [weak = weak_from_this()] {
      const auto reporter = weak.lock();
      if (!reporter) return;
      reporter->state_.with([](State& state) { state.is_timer_set = false; });
      reporter->send_due();
    });
  }
}

}  // namespace weir::mcp

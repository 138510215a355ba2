// Progress of a tool that waits: the events of the resource, turned into notifications/progress that only ever grow
// and never come faster than a client can use (MCP "Progress").
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/timer_queue.h"
#include "server/mcp/reply_port.h"
#include "streaming/event.h"

namespace weir::mcp {

// What to tell and when. Pure. Not thread-safe: owned by a ProgressReporter.
class ProgressPace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct Step {
    double progress = 0;
    std::optional<double> total;
    std::string message;
  };

  explicit ProgressPace(std::chrono::milliseconds interval) : interval_(interval) {}

  // Takes an event in; it replaces one that still waits to be told.
  void take(const streaming::Event& event);
  // The step to send now; nothing if none waits or the last one was sent less than the interval ago.
  std::optional<Step> due(TimePoint now);
  // When due() will have one; nothing if none waits.
  [[nodiscard]] std::optional<TimePoint> next() const;

 private:
  const std::chrono::milliseconds interval_;
  std::optional<Step> waiting_;
  std::optional<TimePoint> last_sent_;
  double last_progress_ = -1;
  std::optional<double> total_;
};

// Shared by the events that feed it and the timer that empties it. Thread-safe.
class ProgressReporter : public std::enable_shared_from_this<ProgressReporter> {
 public:
  // The references must outlive every call in progress.
  ProgressReporter(std::shared_ptr<ReplyPort> port, Json token, std::chrono::milliseconds interval, const Clock& clock,
                   TimerQueue& timers)
      : port_(std::move(port)),
        token_(std::move(token)),
        clock_(clock),
        timers_(timers),
        state_(std::in_place, State{ProgressPace(interval)}) {}

  // Never blocks. Before start() and after stop() nothing is sent.
  void report(const streaming::Event& event);
  void start();
  void stop();

 private:
  void send_due();

  struct State {
    ProgressPace pace;
    bool is_started = false;
    bool is_stopped = false;
    bool is_timer_set = false;
  };
  const std::shared_ptr<ReplyPort> port_;
  const Json token_;
  const Clock& clock_;
  TimerQueue& timers_;
  Guarded<State> state_;
};

}  // namespace weir::mcp

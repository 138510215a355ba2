// One step of a playbook while it is executed: one tool call, or one for each item, again until a condition holds. Says which
// call comes next and how the step has ended; makes no call and writes no record itself.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/runs/playbook/plan.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

inline constexpr int kPollsMax = 1'000;                           // of one item; what ends first is max_tool_calls
inline constexpr std::size_t kStepArgumentsBytesMax = 4'194'304;  // of all items together
inline constexpr std::size_t kStepResultsBytesMax = 4'194'304;    // of all items together

// Between two polls that were answered at once: from this on, doubling, up to the most. A tool that waits by itself
// (wait_seconds) is asked again without a pause.
inline constexpr std::chrono::milliseconds kPollPauseFirst{500};
inline constexpr std::chrono::milliseconds kPollPauseMost{15'000};

// Error codes of steps that no tool gives. After these two the run cannot go on, whatever on_error says.
inline constexpr std::string_view kCodeServerRestarted = "server_restarted";
inline constexpr std::string_view kCodeMaxToolCalls = "max_tool_calls";
bool ends_the_run(std::string_view error_code);

// {code, message}, as StepEnd::error.
Json step_error(std::string_view code, std::string_view message);

// What steps read while they run. Not thread-safe: owned by the engine.
struct StepSurroundings {
  Bindings bindings;                               // inputs, run, steps
  std::set<std::string, std::less<>> tainted;      // names of steps whose results hold what others wrote
  std::set<std::string, std::less<>> uncompleted;  // names of steps that were skipped or have failed
};

// Not thread-safe: owned by the engine.
class StepRun {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `planned` must outlive the step's run.
  explicit StepRun(const PlannedStep& planned) : planned_(planned) {}

  // Decides whether the step runs and with what; before any of its calls. Then end() or next_call().
  void begin(const StepSurroundings& surroundings, TimePoint now);
  // Has ended in an earlier life of the run, or shall not run.
  void end_with(StepEnd end);

  // A call that can be made now, which is then under way; nothing if there is none.
  std::optional<CallWish> next_call(TimePoint now);
  // Of a call of this step. `restarted` says why a call that was interrupted is not made again.
  void take(const CallOutcome& outcome, const StepSurroundings& surroundings, TimePoint now,
            std::string_view restarted);

  [[nodiscard]] bool has_begun() const { return has_begun_; }
  [[nodiscard]] bool awaits_approval() const;
  // When a call can be made that cannot be made now.
  [[nodiscard]] std::optional<TimePoint> wakes_at() const;
  // How it ended, once it has.
  [[nodiscard]] const std::optional<StepEnd>& end() const { return end_; }
  [[nodiscard]] const PlannedStep& planned() const { return planned_; }

 private:
  struct Item {
    enum class Phase : std::uint8_t { ready, under_way, pausing, awaiting, completed, failed } phase = Phase::ready;
    Json element{};  // of for_each
    Json arguments{};
    int polls = 0;         // calls so far
    TimePoint wakes_at{};  // while pausing
    TimePoint called_at{};
    TimePoint deadline{};  // the step's when it was called
    std::chrono::milliseconds pause = kPollPauseFirst;
    Json result{};
    Json error{};
  };

  [[nodiscard]] Bindings bindings_of(const Item& item, const Json& index, const StepSurroundings& surroundings) const;
  void make_items(const StepSurroundings& surroundings);
  void fill_in(const StepSurroundings& surroundings);
  void end_for(const Error& error, const StepSurroundings& surroundings);
  void take_completed(Item& item, const CallOutcome& outcome, const StepSurroundings& surroundings, TimePoint now);
  void fail(Item& item, std::string_view code, std::string_view message);
  [[nodiscard]] CallWish wish_of(Item& item, TimePoint now);
  void end_if_over();
  [[nodiscard]] StepEnd summed_up() const;
  [[nodiscard]] std::string key_of(const Item& item) const;

  const PlannedStep& planned_;
  bool has_begun_ = false;
  bool is_influenced_ = false;
  bool is_tainted_ = false;
  bool starts_no_more_ = false;  // an item has failed, and that is the step's failure
  TimePoint deadline_{};
  std::vector<Item> items_;
  std::map<std::string, std::size_t, std::less<>> under_way_;  // item by key
  std::optional<StepEnd> end_;
};

}  // namespace weir::tools::runs

// What the tools and the job of agents and runs work with, besides tools/services.h. Owned by server/app.
#pragma once
#include <chrono>
#include <cstdint>

#include "tools/models/model_provider.h"
#include "tools/runs/callable_tool.h"
#include "tools/runs/tool_caller.h"

namespace weir::tools::runs {

inline constexpr std::string_view kRunJobKind = "run";

// From the configuration. Not thread-safe: a value.
struct RunSettings {
  std::int64_t queued_per_account_max = 1'000;  // beyond: concurrency_limit
  std::chrono::seconds queue_time{3'600};       // a run that has not begun by then has expired
  std::chrono::seconds wall_max{3'600};         // no agent may have more
  std::int64_t agents_per_account_max = 1'000;
  bool are_tools_stopped = false;  // the kill switch: no run calls anything
};

// What is counted about runs, for /metrics. Thread-safe; never blocks.
class RunMeter {
 public:
  virtual ~RunMeter() = default;
  virtual void run_ended(std::string_view status) = 0;
  // `end` is the status in which the record of the call ended: completed, failed, denied, timed_out, skipped.
  virtual void call_ended(std::string_view end) = 0;
  // From a tool's answer to the next call of the same run, if nothing else was waited for: what we add to each step.
  virtual void step_overhead(std::chrono::nanoseconds took) = 0;
};

// Not thread-safe: a set of references.
struct RunServices {
  const ToolDirectory& directory;
  ToolCaller& caller;
  const models::ModelProviders& providers;
  const RunSettings& settings;
  RunMeter* meter = nullptr;  // null: nobody counts
};

}  // namespace weir::tools::runs

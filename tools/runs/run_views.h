// Runs and their tool calls as callers see them, and the schemas of that. Pure.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "store/runs_store.h"

namespace weir::tools::runs {

// How soon a caller without events should ask again; null in the answer once the run has ended or waits for a person.
inline constexpr int kNextPollSeconds = 2;

// What callers may ask for besides the run itself. Not thread-safe: a value.
struct RunDetails {
  std::optional<std::vector<store::RunStepRow>> steps;
  std::optional<std::vector<store::ToolCallRow>> tool_calls;
  std::optional<std::vector<store::RunMessageRow>> messages;
  std::optional<std::vector<store::RunAttemptRow>> attempts;
};

// `waiting`: the run's calls that await approval, which required_action shows with their arguments and hashes.
Json run_json(const store::RunRow& run, const std::vector<store::ToolCallRow>& waiting, const RunDetails& details = {});
Json run_schema();
// The compact form of lists: without input and output.
Json run_item_json(const store::RunRow& run);
Json run_item_schema();
// For a model: where the run stands and what to do next.
std::string run_summary(const store::RunRow& run, const std::vector<store::ToolCallRow>& waiting);

Json tool_call_json(const store::ToolCallRow& call);
Json tool_call_schema();

}  // namespace weir::tools::runs

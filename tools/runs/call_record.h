// What a recorded tool call means: whether it has ended, and with what outcome; and what its events say. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "store/runs_store.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

// Error codes of calls that no tool gives.
inline constexpr std::string_view kServerRestarted = "server_restarted";
inline constexpr std::string_view kLoopDetected = "loop_detected";
inline constexpr std::string_view kDeniedByPerson = "denied_by_person";

// How a recorded call stands when its run is taken up.
enum class CallState : std::uint8_t {
  ended,
  awaiting,   // a person has not decided
  approved,   // a person agreed, and it was not made yet
  unstarted,  // allowed, and it was not made yet
  under_way,  // a process was making it, and did not say how it ended
};
CallState state_of(const store::ToolCallRow& call);

// Of an ended or awaiting call.
CallOutcome outcome_of(const store::ToolCallRow& call);

// Hex SHA-256 of the arguments as they are stored and shown: what a person agrees to.
std::string arguments_hash(const Json& arguments);
// The arguments that are executed: the edited ones, if a person edited them.
const Json& arguments_to_make(const store::ToolCallRow& call);
// False if what would be executed is not what was agreed to.
bool is_as_approved(const store::ToolCallRow& call);

// Data of tool_call.* events; with the arguments for those that show what is asked.
enum class ShowArguments : std::uint8_t { no, yes };
Json call_event(const store::ToolCallRow& call, ShowArguments arguments = ShowArguments::no);

}  // namespace weir::tools::runs

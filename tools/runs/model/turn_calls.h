// The tool calls of one turn: made side by side under the run's policies, answered to the model in the order in which
// it asked. What has been answered before (the run was taken up again) is not asked of anybody twice.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "tools/runs/model/conversation.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

// A model is shown no more of an answer; it is told how to ask for less.
inline constexpr std::size_t kToolAnswerBytesMax = 32'768;
// Tries of a call that may be repeated, on a passing failure.
inline constexpr std::int64_t kToolAttemptsMax = 3;

// Whether a call's arguments are one JSON object, as every tool takes; no text at all is an empty one. Returns
// validation_failed, in words for the model.
Result<Json> call_arguments(const models::ModelCall& call);

// Makes those of the last assistant's `calls` that have no recorded answer, and records the answers. Blocks until all
// have ended. What the run comes to if it ends or waits here; nothing: the model is told the answers. Returns an error
// only if the records cannot be written.
Result<std::optional<EngineOutcome>> make_calls(RunSession& session, Conversation& conversation,
                                                const std::vector<models::ModelCall>& calls, std::int64_t turn,
                                                Random& random);

// What the model is told of how a call ended. Pure but for the mark.
std::string answer_text(const CallOutcome& outcome, std::string_view tool, Random& random);

}  // namespace weir::tools::runs

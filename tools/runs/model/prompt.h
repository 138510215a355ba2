// What a model is told at the beginning: the agent's instructions with the notes that hold for every run, the input,
// and the tools. Pure.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "tools/agents/agent_definition.h"
#include "tools/models/model_provider.h"
#include "tools/runs/callable_tool.h"

namespace weir::tools::runs {

// The agent's own words first; then, if there are `tools`, how their answers, refusals and untrusted text are to be
// read, and what the answer must look like if the agent has an output schema.
std::string instructions_text(const agents::AgentDefinition& agent, const std::vector<CallableTool>& tools);

// The run's input as the first message: the text itself if the input is a text, or holds nothing but one under a name
// that means one (prompt, message, text, question, task, input); else the JSON.
std::string input_text(const Json& input);

// As the model is shown them: without client_token, which is the run's business.
std::vector<models::ModelTool> model_tools(const std::vector<CallableTool>& tools);

}  // namespace weir::tools::runs

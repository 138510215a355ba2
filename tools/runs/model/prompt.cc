#include "tools/runs/model/prompt.h"

#include <algorithm>
#include <array>

#include "tools/runs/model/final_answer.h"
#include "tools/runs/model/spotlight.h"

namespace weir::tools::runs {
namespace {

constexpr std::string_view kToolNotice =
    "Call tools only by the names that you were given, with arguments that fit their schemas. A call may be held until "
    "a "
    "person has agreed to it; if it is denied, do not try it again in other words, but go on without it and say so. Do "
    "not "
    "repeat a call whose answer you have. When the task is done, or cannot be done, answer without calling a tool.";

constexpr std::array<std::string_view, 6> kTextNames = {"prompt", "message", "text", "question", "task", "input"};

Json without_client_token(Json schema) {
  if (!schema.is_object()) return schema;
  if (const auto properties = schema.find("properties"); properties != schema.end() && properties->is_object()) {
    properties->erase("client_token");
  }
  if (const auto required = schema.find("required"); required != schema.end() && required->is_array()) {
    Json kept = Json::array();
    for (const Json& name : *required) {
      if (name != "client_token") kept.push_back(name);
    }
    *required = std::move(kept);
  }
  return schema;
}

}  // namespace

std::string instructions_text(const agents::AgentDefinition& agent, const std::vector<CallableTool>& tools) {
  std::string text = agent.model.instructions;
  const auto add = [&text](std::string_view paragraph) {
    if (!text.empty()) text += "\n\n";
    text += paragraph;
  };
  if (!tools.empty()) {
    add(kToolNotice);
    add(kSpotlightNotice);
  }
  if (const std::string wanted = answer_notice(agent.output_schema); !wanted.empty()) add(wanted);
  return text;
}

std::string input_text(const Json& input) {
  if (input.is_string()) return input.get<std::string>();
  if (input.is_null() || (input.is_object() && input.empty())) return "Begin.";
  if (input.is_object() && input.size() == 1 && input.front().is_string() &&
      std::find(kTextNames.begin(), kTextNames.end(), input.begin().key()) != kTextNames.end()) {
    return input.front().get<std::string>();
  }
  return to_pretty_text(input);
}

std::vector<models::ModelTool> model_tools(const std::vector<CallableTool>& tools) {
  std::vector<models::ModelTool> shown;
  shown.reserve(tools.size());
  for (const CallableTool& tool : tools) {
    shown.push_back(
        {.name = tool.name,
         .description = tool.description,
         .input_schema = tool.takes_client_token ? without_client_token(tool.input_schema) : tool.input_schema});
  }
  return shown;
}

}  // namespace weir::tools::runs

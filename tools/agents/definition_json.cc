#include "tools/agents/agent_definition.h"

namespace weir::tools::agents {
namespace {

Json step_json(const Step& step) {
  constexpr std::array<std::string_view, 3> kOnError = {"stop", "continue", "retry"};
  const Step fallback;
  Json json = {{"id", step.id},
               {"tool", step.tool},
               {"args", step.args},
               {"on_error", kOnError.at(static_cast<std::size_t>(step.on_error))},
               {"timeout_s", step.timeout.count()},
               {"approve", step.approve == Step::Approve::always ? "always" : "never"},
               {"needs", step.needs}};
  if (!step.when.empty()) json["when"] = step.when;
  if (!step.for_each.empty()) json["for_each"] = step.for_each;
  if (!step.until.empty()) json["until"] = step.until;
  if (!step.output_as.empty()) json["output_as"] = step.output_as;
  if (!step.for_each.empty() || step.max_items != fallback.max_items) json["max_items"] = step.max_items;
  const bool is_retried = step.on_error == Step::OnError::retry;
  if (is_retried || step.max_attempts != fallback.max_attempts) json["max_attempts"] = step.max_attempts;
  return json;
}

Json grant_json(const ToolGrant& grant) {
  Json json = {{"name", grant.name}};
  if (grant.policy) json["policy"] = to_string(*grant.policy);
  return json;
}

}  // namespace

Json definition_json(const AgentDefinition& definition) {
  Json json = {{"kind", to_string(definition.kind)},      {"tools", Json::array()},
               {"mcp_servers", definition.mcp_servers},   {"limits", limits_json(definition.limits)},
               {"input_schema", definition.input_schema}, {"output_schema", definition.output_schema}};
  for (const ToolGrant& grant : definition.tools) json["tools"].push_back(grant_json(grant));
  if (definition.kind == AgentKind::model) {
    json["provider"] = definition.model.provider;
    json["model"] = definition.model.model;
    json["instructions"] = definition.model.instructions;
    json["temperature"] = definition.model.temperature ? Json(*definition.model.temperature) : Json(nullptr);
    return json;
  }
  json["playbook"] = {{"steps", Json::array()}, {"output", definition.playbook.output}};
  for (const Step& step : definition.playbook.steps) json["playbook"]["steps"].push_back(step_json(step));
  return json;
}

}  // namespace weir::tools::agents

#include "tools/agents/definition_schema.h"

#include "tools/agents/agent_definition.h"
#include "tools/agents/agent_slug.h"
#include "tools/agents/definition_limits.h"
#include "tools/runs/playbook/expression.h"

namespace weir::tools::agents {
namespace {

Json described(std::string_view type, std::string_view description) {
  // null is the same as leaving it out.
  return {{"type", Json::array({type, "null"})}, {"description", description}};
}

Json text(std::string_view description, std::size_t length_max) {
  Json schema = described("string", description);
  schema["maxLength"] = length_max;
  return schema;
}

Json integer(std::string_view description, std::int64_t minimum, std::int64_t maximum) {
  Json schema = described("integer", description);
  schema["minimum"] = minimum;
  schema["maximum"] = maximum;
  return schema;
}

Json one_of(std::string_view description, const std::vector<std::string>& values) {
  Json schema = {{"description", description}, {"enum", values}};
  schema["enum"].push_back(nullptr);
  return schema;
}

Json list(std::string_view description, Json items, std::size_t items_max) {
  Json schema = described("array", description);
  schema["items"] = std::move(items);
  schema["maxItems"] = items_max;
  return schema;
}

Json object(std::string_view description, Json properties, const std::vector<std::string>& required = {}) {
  Json schema = described("object", description);
  schema["properties"] = std::move(properties);
  schema["additionalProperties"] = false;
  if (!required.empty()) schema["required"] = required;
  return schema;
}

Json name_schema(std::string_view description) {
  Json schema = text(description, kStepIdBytesMax);
  schema["pattern"] = "^[a-z][a-z0-9_]*$";
  return schema;
}

Json step_schema() {
  const auto expression = [](std::string_view description) { return text(description, runs::kExpressionBytesMax); };
  Json schema = object(
      "One tool call, or one for each item of a list.",
      {{"id", name_schema("How other steps call it.")},
       {"tool", {{"type", "string"}, {"description", "A tool's name (list_agent_tools)."}}},
       {"args", described("object", "The tool's arguments; texts may hold ${...}. What comes to null is left out.")},
       {"when", expression("A condition; the step is skipped if it is false.")},
       {"for_each", expression("A list: the tool is called once for each `item`, `index` counts from 0.")},
       {"max_items", integer("A longer list fails the step.", 1, kStepItemsMax)},
       {"until", expression("A condition on `result`; the tool is called again until it is true.")},
       {"on_error", one_of("stop fails the run, continue goes on, retry tries again.", {"stop", "continue", "retry"})},
       {"max_attempts", integer("With on_error retry.", 1, kStepAttemptsMax)},
       {"timeout_s", integer("Seconds for the whole step.", 1, kStepTimeoutMax.count())},
       {"approve", one_of("always: a person has to agree to each call.", {"never", "always"})},
       {"output_as", name_schema("The name under `steps`, instead of the id.")},
       {"needs", list("Ids of steps that must have ended before.", {{"type", "string"}}, kStepsMax)}},
      {"id", "tool"});
  schema["type"] = "object";
  return schema;
}

Json limits_schema() {
  Json properties = Json::object();
  for (const LimitMember& member : limit_members()) {
    properties[std::string(member.name)] = integer(member.what, member.minimum, member.maximum);
  }
  return object("Bounds of one run.", std::move(properties));
}

Json tool_schema() {
  return {{"description", "A tool's name, or the name with a policy."},
          {"anyOf", Json::array({Json{{"type", "string"}},
                                 Json{{"type", "object"},
                                      {"properties",
                                       {{"name", {{"type", "string"}}},
                                        {"policy", one_of("What becomes of a call.", {"allow", "ask", "deny"})}}},
                                      {"required", {"name"}},
                                      {"additionalProperties", false}}})}};
}

}  // namespace

Json definition_schema() {
  Json steps = list("The steps. Without any `needs` they run one after the other.", step_schema(), kStepsMax);
  steps["minItems"] = 1;
  Json slug = text("Its name in commands.", kSlugBytesMax);
  slug["pattern"] = "^[a-z0-9][a-z0-9-]*$";
  Json temperature = described("number", "Of a model agent.");
  temperature["minimum"] = 0;
  temperature["maximum"] = 2;
  Json schema = object(
      "An agent of Weir: what create_agent takes.",
      {{"name", text("For people.", 120)},
       {"slug", std::move(slug)},
       {"description", text("What it does.", 1'000)},
       {"is_public", described("boolean", "Whether every account may read and run it.")},
       {"is_enabled", described("boolean", "False: no run of it starts or goes on.")},
       {"kind", one_of("playbook: fixed steps; model: a language model chooses.", {"playbook", "model"})},
       {"playbook", object("Fixed steps.",
                           {{"steps", std::move(steps)},
                            {"output", {{"description", "A template of the run's output; texts may hold ${...}."}}},
                            {"inputs", described("object", "The same as input_schema.")}},
                           {"steps"})},
       {"pipeline_type", one_of("The short form, with `tools`.", {"simple", "sequential", "graph", "dag"})},
       {"graph_edges", list("Of the short form.",
                            Json{{"type", "object"},
                                 {"properties", {{"source", {{"type", "string"}}}, {"target", {{"type", "string"}}}}},
                                 {"required", {"source", "target"}},
                                 {"additionalProperties", false}},
                            kStepsMax * kStepsMax)},
       {"provider", text("A model provider of the server.", 200)},
       {"model", text("The model's name; the provider's default if left out.", 200)},
       {"instructions", text("What the model is to do.", kInstructionsBytesMax)},
       {"temperature", std::move(temperature)},
       {"tools", list("What it may call.", tool_schema(), kGrantsMax)},
       {"mcp_servers", list("Aliases of external MCP servers.", {{"type", "string"}}, kMcpServersMax)},
       {"limits", limits_schema()},
       {"input_schema", described("object", "JSON Schema of a run's input, without $ref and pattern.")},
       {"output_schema", described("object", "JSON Schema that a run's output must fit.")}});
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "Weir agent";
  schema["type"] = "object";
  return schema;
}

}  // namespace weir::tools::agents

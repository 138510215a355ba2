// A handful of tools, enough to define agents over. Not thread-safe: owned by one test.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/json.h"
#include "tools/agents/agent_definition.h"
#include "tools/runs/callable_tool.h"

namespace weir::tools::agents {

// Thread-safe once filled.
class FakeDirectory final : public runs::ToolDirectory {
 public:
  FakeDirectory() {
    const Json id = {{"type", "string"}, {"minLength", 1}, {"maxLength", 64}};
    const Json seconds = {{"type", "integer"}, {"minimum", 0}, {"maximum", 50}, {"default", 0}};
    add("create_scan", {{"target_id", id},
                        {"url", id},
                        {"profile", {{"type", "string"}, {"enum", {"passive", "quick"}}}},
                        {"wait_seconds", seconds},
                        {"client_token", id}});
    tools_.back().takes_client_token = true;
    add("get_scan", {{"scan_id", id}, {"wait_seconds", seconds}}, {"scan_id"});
    add("list_findings", {{"scan_id", id},
                          {"severity", {{"type", "array"}, {"items", {{"type", "string"}}}}},
                          {"limit", {{"type", "integer"}}}});
    add("get_report", {{"scan_id", id}, {"format", {{"type", "string"}, {"enum", {"markdown", "json"}}}}}, {"scan_id"});
    add("list_targets", Json::object());
    add("delete_target", {{"target_id", id}}, {"target_id"});
    tools_.back().is_grantable = false;
    add("notes__search", {{"query", id}});
    tools_.back().source = "mcp:notes";
  }

  void add(const std::string& name, const Json& properties, const std::vector<std::string>& required = {}) {
    runs::CallableTool tool;
    tool.name = name;
    tool.title = name;
    tool.input_schema = {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
    if (!required.empty()) tool.input_schema["required"] = required;
    tools_.push_back(std::move(tool));
  }

  [[nodiscard]] std::vector<runs::CallableTool> all() const override { return tools_; }
  [[nodiscard]] std::optional<runs::CallableTool> find(std::string_view name) const override {
    const auto found =
        std::find_if(tools_.begin(), tools_.end(), [&](const runs::CallableTool& tool) { return tool.name == name; });
    return found == tools_.end() ? std::nullopt : std::optional(*found);
  }

 private:
  std::vector<runs::CallableTool> tools_;
};

inline Json json_of(std::string_view text) {
  Result<Json> parsed = parse_json(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : Json(nullptr);
}

class DefinitionTest : public ::testing::Test {
 protected:
  // The definition, which must be right.
  AgentDefinition parsed(const Json& json) {
    Result<AgentDefinition> definition = parse_definition(json, directory_, rules_);
    EXPECT_TRUE(definition) << (definition ? "" : definition.error().message);
    return definition ? *definition : AgentDefinition{};
  }
  AgentDefinition parsed(const char* text) { return parsed(json_of(text)); }

  // What is wrong with it, "path message" each; at least one.
  std::vector<std::string> mistakes(const Json& json) {
    Result<AgentDefinition> definition = parse_definition(json, directory_, rules_);
    EXPECT_FALSE(definition) << to_text(json);
    std::vector<std::string> told;
    if (definition) return told;
    EXPECT_EQ(definition.error().code, ErrorCode::validation_failed);
    for (const FieldError& field : definition.error().fields) told.push_back(field.field + " " + field.message);
    EXPECT_FALSE(told.empty());
    return told;
  }
  std::vector<std::string> mistakes(const char* text) { return mistakes(json_of(text)); }

  // A playbook agent of these steps.
  static Json playbook(std::string_view steps) { return {{"playbook", {{"steps", json_of(steps)}}}}; }

  FakeDirectory directory_;
  DefinitionRules rules_;
};

}  // namespace weir::tools::agents

// What an agent is: the definition that one version holds. Parsed once from what callers send (errors point at the step),
// stored as JSON, and read again by whoever runs it. Pure values: knows no database and runs nothing.
// agents-and-runs.md sections 2, 4 and 6.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/runs/callable_tool.h"

namespace weir::tools::agents {

// What one definition may hold. A person has to be able to read it, and it is read again each time a run is taken up.
inline constexpr std::size_t kDefinitionBytesMax = 131'072;
inline constexpr std::size_t kStepsMax = 50;
inline constexpr std::size_t kGrantsMax = 100;
inline constexpr std::size_t kMcpServersMax = 16;
inline constexpr std::size_t kInstructionsBytesMax = 32'768;
inline constexpr std::size_t kStepIdBytesMax = 63;
inline constexpr std::int64_t kStepItemsMax = 100;  // of for_each
inline constexpr std::int64_t kStepAttemptsMax = 10;
inline constexpr std::chrono::seconds kStepTimeoutMax{3'600};
inline constexpr std::int64_t kMaxStepsMax = 200;  // of limits.max_steps, and so on
inline constexpr std::int64_t kMaxToolCallsMax = 1'000;
inline constexpr std::int64_t kMaxParallelMax = 16;
inline constexpr std::int64_t kSameCallMax = 1'000;
inline constexpr std::chrono::seconds kApprovalTtlMin{60};
inline constexpr std::chrono::seconds kApprovalTtlMax{7 * 86'400};
inline constexpr std::int64_t kTokensMax = 1'000'000'000;
inline constexpr std::int64_t kCostMicrousdMax = 1'000'000'000'000;

// Rule-driven steps, or a model that chooses.
enum class AgentKind : std::uint8_t { playbook, model };
std::string_view to_string(AgentKind kind);

// What becomes of a call of a tool: made, held until a person agrees, refused.
enum class Policy : std::uint8_t { allow, ask, deny };
std::string_view to_string(Policy policy);

// A tool that the agent may use, by exact name. Not thread-safe: a value.
struct ToolGrant {
  std::string name;
  std::optional<Policy> policy;  // nothing: the tool's default (tool_policy.h)
  friend bool operator==(const ToolGrant&, const ToolGrant&) = default;
};

// Bounds of one run. Not thread-safe: a value.
struct RunLimits {
  std::int64_t max_steps = 20;  // of a playbook; turns of a model
  std::int64_t max_tool_calls = 40;
  std::int64_t max_parallel = 4;
  std::chrono::seconds wall{600};  // without the time spent waiting for people
  std::chrono::seconds approval_ttl{86'400};
  // One tool with the same arguments: the loop breaker. A playbook cannot loop by itself, and polls: its default is
  // max_tool_calls.
  std::int64_t same_call_max = 3;
  std::optional<std::int64_t> max_output_tokens;
  std::optional<std::int64_t> max_total_tokens;
  std::optional<std::int64_t> max_cost_microusd;
  friend bool operator==(const RunLimits&, const RunLimits&) = default;
};

// One tool call, or one for each item of a list. Texts hold ${...} expressions (runs/playbook/expression.h). Not
// thread-safe: a value.
struct Step {
  enum class OnError : std::uint8_t { stop, carry_on, retry };  // wire: stop, continue, retry
  enum class Approve : std::uint8_t { never, always };

  std::string id;
  std::string tool;
  Json args = Json::object();   // a member whose whole value comes to null is left out of the call
  std::string when;             // "" : always
  std::string for_each;         // "" : once; else an expression that is a list, `item` and `index` in args
  std::int64_t max_items = 20;  // more fail the step
  std::string until;            // "" : once; else called again until it is true of `result`
  OnError on_error = OnError::stop;
  std::int64_t max_attempts = 3;     // with retry
  std::chrono::seconds timeout{60};  // of the whole step
  Approve approve = Approve::never;
  std::string output_as;           // "" : its id; the name under `steps`
  std::vector<std::string> needs;  // step ids, those too whose results it reads
  friend bool operator==(const Step&, const Step&) = default;

  [[nodiscard]] const std::string& name() const { return output_as.empty() ? id : output_as; }
};

// Steps in an order in which each follows those that it needs; there is no cycle. Not thread-safe: a value.
struct Playbook {
  std::vector<Step> steps;
  Json output;  // a template; null: the results of the last steps by their names
  friend bool operator==(const Playbook&, const Playbook&) = default;
};

// Not thread-safe: a value.
struct ModelUse {
  std::string provider;  // of the configuration
  std::string model;     // "" : the provider's default
  std::string instructions;
  std::optional<double> temperature;
  friend bool operator==(const ModelUse&, const ModelUse&) = default;
};

// Not thread-safe: a value.
struct AgentDefinition {
  AgentKind kind = AgentKind::playbook;
  Playbook playbook;  // of kind playbook
  ModelUse model;     // of kind model
  std::vector<ToolGrant> tools;
  std::vector<std::string> mcp_servers;  // aliases: every approved tool of these, under the default policy
  RunLimits limits;
  Json input_schema = Json::object();  // JSON Schema of a run's input
  Json output_schema;                  // null: any
  friend bool operator==(const AgentDefinition&, const AgentDefinition&) = default;
};

// What a definition is checked against, besides the tools. Not thread-safe: a value.
struct DefinitionRules {
  std::chrono::seconds wall_max{3'600};               // RunSettings.wall_max
  std::optional<std::vector<std::string>> providers;  // names of the configuration; nothing: not checked
};

// From what a caller sends for an agent (the short form with `pipeline_type` too, which is expanded). Returns
// validation_failed with one FieldError for each mistake, whose path points at it ("playbook.steps[2].args.scan_id").
// `known` says which tools there are; a tool that agents may never call is a mistake.
// A list of steps in which none says `needs` is a sequence; as soon as one does, it is a graph. A step needs the steps whose
// results it reads, said or not.
Result<AgentDefinition> parse_definition(const Json& json, const runs::ToolDirectory& known,
                                         const DefinitionRules& rules = {});
// As stored and as shown; read_definition(definition_json(d)) equals d.
Json definition_json(const AgentDefinition& definition);
// Of a stored version: our own text, whatever tools there are today. Returns internal if it is none.
Result<AgentDefinition> read_definition(const Json& stored);

// The wire form of RunLimits, and the same from a caller, who may only ask for less than `most`: returns
// validation_failed naming the member.
Json limits_json(const RunLimits& limits);
Result<RunLimits> narrowed_limits(const RunLimits& most, const Json& wish, std::string_view field);

}  // namespace weir::tools::agents

#include "tools/agents/agent_definition.h"

#include <algorithm>

#include "base/log.h"
#include "tools/agents/caller_schema.h"
#include "tools/agents/definition_limits.h"
#include "tools/agents/definition_reader.h"
#include "tools/agents/pipeline_form.h"
#include "tools/agents/playbook_graph.h"
#include "tools/agents/playbook_reader.h"
#include "tools/near_match.h"

namespace weir::tools::agents {
namespace {

const std::vector<std::string> kMembers = {"kind",   "playbook",     "pipeline_type", "graph_edges", "provider",
                                           "model",  "instructions", "temperature",   "tools",       "mcp_servers",
                                           "limits", "input_schema", "output_schema"};
const std::vector<std::string> kOfModel = {"provider", "model", "instructions", "temperature"};
const std::vector<std::string> kOfPlaybook = {"playbook", "pipeline_type", "graph_edges"};
constexpr std::size_t kNameBytesMax = 200;
constexpr double kTemperatureMax = 2.0;
constexpr std::string_view kOfServer = "mcp:";  // CallableTool.source of an external server

std::optional<Policy> policy_from(std::string_view text) {
  for (const Policy policy : {Policy::allow, Policy::ask, Policy::deny}) {
    if (to_string(policy) == text) return policy;
  }
  return std::nullopt;
}

// Not thread-safe: owned by one reading.
class DefinitionReader {
 public:
  // `known`: null for what we stored ourselves.
  DefinitionReader(const Json& json, const runs::ToolDirectory* known, const DefinitionRules& rules, Mistakes& mistakes)
      : json_(json), known_(known), rules_(rules), mistakes_(mistakes), members_(json, "", kMembers, mistakes) {}

  AgentDefinition read() {
    if (!json_.is_object()) return {};
    definition_.input_schema = {{"type", "object"}};
    read_kind();
    const GivenLimits given =
        read_limits(members_.find("limits"), "limits", rules_.wall_max, definition_.limits, mistakes_);
    read_tools();
    read_servers();
    read_schemas();
    if (definition_.kind == AgentKind::playbook) {
      read_steps();
      adapt_limits(given);
    } else {
      read_model();
    }
    if (const Json* schema = members_.object("output_schema")) {
      check_caller_schema(*schema, "output_schema", mistakes_);
      definition_.output_schema = *schema;
    }
    return std::move(definition_);
  }

 private:
  [[nodiscard]] bool has_any(const std::vector<std::string>& names) const {
    return std::any_of(names.begin(), names.end(), [this](const std::string& name) { return members_.has(name); });
  }

  void read_kind() {
    const std::optional<std::string> kind = members_.one_of("kind", {"playbook", "model"});
    const bool is_model = kind ? *kind == "model" : has_any(kOfModel) && !has_any(kOfPlaybook);
    definition_.kind = is_model ? AgentKind::model : AgentKind::playbook;
    for (const std::string& name : is_model ? kOfPlaybook : kOfModel) {
      if (!members_.has(name)) continue;
      members_.wrong(name, is_model ? "is of a playbook, but the kind is model; expected only one of the two"
                                    : "is of a model, but the kind is playbook; expected only one of the two");
    }
  }

  void read_tools() {
    const Json* tools = members_.list("tools", kGrantsMax);
    if (tools == nullptr) return;
    for (std::size_t i = 0; i < tools->size(); ++i) read_grant((*tools)[i], at_index("tools", i));
  }

  // "get_scan", or {"name": "get_scan", "policy": "ask"}.
  void read_grant(const Json& json, const std::string& path) {
    ToolGrant grant;
    std::string name_path = path;
    if (json.is_string()) {
      grant.name = json.get<std::string>();
    } else {
      MemberReader members(json, path, {"name", "policy"}, mistakes_);
      if (!json.is_object()) return;
      name_path = members.path_of("name");
      grant.name = members.text("name", kNameBytesMax).value_or("");
      if (!members.has("name")) return members.missing("name", "a tool's name");
      const std::optional<std::string> policy = members.one_of("policy", {"allow", "ask", "deny"});
      if (policy) grant.policy = policy_from(*policy);
    }
    // Short forms may repeat a tool; their names are checked where they are expanded.
    const bool is_short = known_ != nullptr && is_short_form(json_);
    if (known_ != nullptr && !is_short && !usable_tool(*known_, grant.name, name_path, mistakes_)) return;
    if (find_grant(grant.name) != nullptr) {
      if (!is_short)
        mistakes_.add(name_path, "is \"" + printable(grant.name, 60) + "\" again; expected each tool once");
      return;
    }
    definition_.tools.push_back(std::move(grant));
  }

  [[nodiscard]] const ToolGrant* find_grant(std::string_view name) const {
    const auto found = std::find_if(definition_.tools.begin(), definition_.tools.end(),
                                    [&](const ToolGrant& grant) { return grant.name == name; });
    return found == definition_.tools.end() ? nullptr : &*found;
  }

  void read_servers() {
    const Json* servers = members_.list("mcp_servers", kMcpServersMax);
    if (servers == nullptr) return;
    std::vector<std::string> aliases;
    if (known_ != nullptr) aliases = known_aliases();
    for (std::size_t i = 0; i < servers->size(); ++i) {
      const std::string path = at_index("mcp_servers", i);
      if (!(*servers)[i].is_string()) {
        mistakes_.add(path, "is " + shown((*servers)[i]) + "; expected a server's alias");
        continue;
      }
      const std::string alias = (*servers)[i].get<std::string>();
      if (known_ != nullptr && std::find(aliases.begin(), aliases.end(), alias) == aliases.end()) {
        mistakes_.add(path,
                      "is \"" + printable(alias, 60) + "\", which has no approved tools" + suggestion(alias, aliases) +
                          " Servers with tools: " +
                          (aliases.empty() ? "none; the operator configures and approves them" : listed(aliases)));
        continue;
      }
      auto& kept = definition_.mcp_servers;
      if (std::find(kept.begin(), kept.end(), alias) == kept.end()) kept.push_back(alias);
    }
  }

  [[nodiscard]] std::vector<std::string> known_aliases() const {
    std::vector<std::string> aliases;
    for (const runs::CallableTool& tool : known_->all()) {
      if (!tool.is_external() || !tool.source.starts_with(kOfServer)) continue;
      const std::string alias = tool.source.substr(kOfServer.size());
      if (std::find(aliases.begin(), aliases.end(), alias) == aliases.end()) aliases.push_back(alias);
    }
    return aliases;
  }

  void read_schemas() {
    const Json* schema = members_.object("input_schema");
    const Json* inputs = nullptr;
    if (const Json* playbook = members_.find("playbook")) inputs = find_member(*playbook, "inputs");
    if (inputs != nullptr && inputs->is_null()) inputs = nullptr;
    if (schema != nullptr && inputs != nullptr) {
      mistakes_.add("playbook.inputs", "is given together with input_schema; expected only one of the two");
    }
    const std::string path = schema != nullptr ? "input_schema" : "playbook.inputs";
    if (schema == nullptr) schema = inputs;
    if (schema != nullptr) read_input_schema(*schema, path);
  }

  void read_input_schema(const Json& schema, const std::string& path) {
    const std::size_t before = mistakes_.count();
    check_caller_schema(schema, path, mistakes_);
    if (mistakes_.count() != before || !schema.is_object()) return;
    definition_.input_schema = schema;
    const Json* type = find_member(schema, "type");
    if (type == nullptr) definition_.input_schema["type"] = "object";
    if (type != nullptr && *type != "object") {
      mistakes_.add(joined(path, "type"), "is " + shown(*type) + "; expected object, because a run's input is one");
    }
  }

  void read_steps() {
    const std::size_t before = mistakes_.count();
    Json playbook;
    if (known_ != nullptr && is_short_form(json_)) {
      if (members_.has("playbook")) {
        return members_.wrong("playbook",
                              "is given together with the short form (pipeline_type); expected only one of the two");
      }
      std::optional<Pipeline> pipeline = expand_pipeline(json_, *known_, mistakes_);
      if (!pipeline) return;
      read_input_schema(pipeline->input_schema, "input_schema");
      playbook = std::move(pipeline->playbook);
    } else if (const Json* given = members_.object("playbook")) {
      playbook = *given;
    } else {
      if (!members_.has("playbook")) {
        members_.missing("playbook", "{steps: [...]}, or the short form with tools and pipeline_type, or kind model");
      }
      return;
    }
    PlaybookText text = read_playbook(playbook, "playbook", known_, mistakes_);
    check_denied(text);
    if (mistakes_.count() == before) link_playbook(text, "playbook", definition_.input_schema, mistakes_);
    definition_.playbook = std::move(text.playbook);
    for (const Step& step : definition_.playbook.steps) {
      if (!step.tool.empty() && find_grant(step.tool) == nullptr)
        definition_.tools.push_back({.name = step.tool, .policy = {}});
    }
  }

  void check_denied(const PlaybookText& text) {
    for (std::size_t i = 0; i < text.playbook.steps.size(); ++i) {
      const ToolGrant* grant = find_grant(text.playbook.steps[i].tool);
      if (grant == nullptr || grant->policy != Policy::deny) continue;
      mistakes_.add(joined(text.paths[i], "tool"),
                    "is \"" + grant->name + "\", which `tools` denies; expected allow or ask there");
    }
  }

  // A playbook's steps are counted already, and it cannot loop by itself.
  void adapt_limits(const GivenLimits& given) {
    RunLimits& limits = definition_.limits;
    const auto steps = static_cast<std::int64_t>(definition_.playbook.steps.size());
    if (!given.has_max_steps) limits.max_steps = std::max(limits.max_steps, steps);
    if (!given.has_same_call_max) limits.same_call_max = limits.max_tool_calls;
    if (steps <= limits.max_steps) return;
    mistakes_.add("limits.max_steps", "is the number " + std::to_string(limits.max_steps) + ", but the playbook has " +
                                          std::to_string(steps) + " steps; expected at least as many");
  }

  void read_model() {
    ModelUse& use = definition_.model;
    use.provider = members_.text("provider", kNameBytesMax).value_or("");
    use.model = members_.text("model", kNameBytesMax).value_or("");
    use.instructions = members_.text("instructions", kInstructionsBytesMax).value_or("");
    use.temperature = members_.number("temperature", 0.0, kTemperatureMax);
    if (use.instructions.empty()) {
      members_.missing("instructions", "what the model is to do, in words");
    }
    if (!rules_.providers) return;
    const std::vector<std::string>& providers = *rules_.providers;
    if (providers.empty()) {
      return members_.wrong("provider",
                            "cannot be used: this server has no model providers; the operator adds them under "
                            "[providers], or make a playbook, which needs none");
    }
    if (!members_.has("provider")) {
      if (providers.size() == 1)
        use.provider = providers.front();
      else
        members_.missing("provider", "one of " + listed(providers));
    } else if (std::find(providers.begin(), providers.end(), use.provider) == providers.end()) {
      const std::string near = suggestion(use.provider, providers);
      members_.wrong("provider", "is \"" + printable(use.provider, 60) + "\"" + near +
                                     (near.empty() ? "; expected" : " Expected") + " one of " + listed(providers));
    }
  }

  const Json& json_;
  const runs::ToolDirectory* known_;
  const DefinitionRules& rules_;
  Mistakes& mistakes_;
  MemberReader members_;
  AgentDefinition definition_;
};

}  // namespace

std::string_view to_string(AgentKind kind) { return kind == AgentKind::model ? "model" : "playbook"; }

std::string_view to_string(Policy policy) {
  switch (policy) {
    case Policy::allow: return "allow";
    case Policy::ask: return "ask";
    case Policy::deny: return "deny";
  }
  return "deny";
}

Result<AgentDefinition> parse_definition(const Json& json, const runs::ToolDirectory& known,
                                         const DefinitionRules& rules) {
  Mistakes mistakes;
  if (const std::size_t bytes = to_text(json).size(); bytes > kDefinitionBytesMax) {
    mistakes.add("playbook", "makes the definition " + std::to_string(bytes) + " bytes long; expected at most " +
                                 std::to_string(kDefinitionBytesMax));
    return mistakes.error("the agent");
  }
  AgentDefinition definition = DefinitionReader(json, &known, rules, mistakes).read();
  if (!mistakes.is_empty()) return mistakes.error("the agent");
  return definition;
}

Result<AgentDefinition> read_definition(const Json& stored) {
  Mistakes mistakes;
  // What the server allows today counts when a run starts.
  const DefinitionRules rules{.wall_max = std::chrono::hours{24}, .providers = std::nullopt};
  AgentDefinition definition = DefinitionReader(stored, nullptr, rules, mistakes).read();
  if (!mistakes.is_empty()) return internal_error("a stored agent definition: " + mistakes.error("it").message);
  return definition;
}

}  // namespace weir::tools::agents

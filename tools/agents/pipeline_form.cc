#include "tools/agents/pipeline_form.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/log.h"
#include "tools/agents/agent_definition.h"
#include "tools/agents/playbook_reader.h"
#include "tools/near_match.h"

namespace weir::tools::agents {
namespace {

// Arguments that are the pipeline's own business.
constexpr std::array<std::string_view, 4> kNotInputs = {"client_token", "wait_seconds", "cursor", "limit"};
constexpr std::string_view kScanMaker = "create_scan";
constexpr std::int64_t kScanWaitSeconds = 900;

// Not thread-safe: a value.
struct Node {
  std::string id;
  runs::CallableTool tool;
  std::set<std::size_t> follows;  // positions
};

std::string step_id_of(const std::string& tool, const std::vector<Node>& nodes) {
  std::string id;
  for (const char c : tool) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool is_upper = c >= 'A' && c <= 'Z';
    id += is_plain ? c : is_upper ? static_cast<char>(c - 'A' + 'a') : '_';
  }
  // Room for the number of a repetition and for the name of a wait.
  id = id.substr(0, kStepIdBytesMax - 12);
  if (id.empty() || id[0] < 'a' || id[0] > 'z') id = "t" + id;
  const auto is_taken = [&](const std::string& name) {
    return std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) { return node.id == name; });
  };
  std::string free = id;
  for (int n = 2; is_taken(free); ++n) free = id + "_" + std::to_string(n);
  return free;
}

// "scan" of "create_scan" and "get_scan"; "" of "list_scans".
std::string made_noun(const std::string& tool) {
  for (const std::string_view verb : {"create_", "get_", "cancel_"}) {
    if (tool.starts_with(verb)) return tool.substr(verb.size());
  }
  return "";
}

// Not thread-safe: owned by expand_pipeline.
class PipelineReader {
 public:
  PipelineReader(const Json& definition, const runs::ToolDirectory& known, Mistakes& mistakes)
      : known_(known), mistakes_(mistakes), members_(definition, "", names_of(definition), mistakes) {}

  std::optional<Pipeline> expand() {
    const std::size_t before = mistakes_.count();
    const std::string fallback = members_.has("graph_edges") ? "graph" : "sequential";
    const std::string type =
        members_.one_of("pipeline_type", {"simple", "sequential", "graph", "dag"}).value_or(fallback);
    read_tools();
    if (mistakes_.count() != before) return std::nullopt;
    if (type == "simple" && nodes_.size() != 1) {
      members_.wrong("tools",
                     "has " + std::to_string(nodes_.size()) + " tools; pipeline_type simple takes exactly one");
    }
    if (type == "graph" || type == "dag") {
      read_edges();
    } else if (members_.has("graph_edges")) {
      members_.wrong("graph_edges", "is given, but pipeline_type is " + type + "; expected graph or dag");
    } else {
      for (std::size_t i = 1; i < nodes_.size(); ++i) nodes_[i].follows.insert(i - 1);
    }
    if (mistakes_.count() != before) return std::nullopt;
    if (has_circle()) return std::nullopt;
    Pipeline pipeline = write();
    return mistakes_.count() == before ? std::optional(std::move(pipeline)) : std::nullopt;
  }

 private:
  // Unknown members are the whole definition's matter.
  static std::vector<std::string> names_of(const Json& object) {
    std::vector<std::string> names;
    for (const auto& [name, ignored] : object.items()) names.push_back(name);
    return names;
  }

  void read_tools() {
    const Json* tools = members_.list("tools", kStepsMax);
    if (tools == nullptr || tools->empty()) {
      if (!members_.has("tools") || tools != nullptr)
        members_.wrong("tools", "is empty; expected at least one tool's name");
      return;
    }
    for (std::size_t i = 0; i < tools->size(); ++i) {
      const std::string path = at_index("tools", i);
      // With a policy, too: the grants are read elsewhere.
      const std::string name =
          (*tools)[i].is_string() ? (*tools)[i].get<std::string>() : string_or((*tools)[i], "name", "");
      if (name.empty()) {
        mistakes_.add(path, "is " + shown((*tools)[i]) + "; expected a tool's name");
        continue;
      }
      std::optional<runs::CallableTool> tool = usable_tool(known_, name, path, mistakes_);
      if (tool) nodes_.push_back({.id = step_id_of(name, nodes_), .tool = std::move(*tool), .follows = {}});
    }
  }

  std::optional<std::size_t> end_of_edge(const Json& edge, const std::string& path, std::string_view end) {
    const std::string name = string_or(edge, end, "");
    std::vector<std::string> names;
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      names.push_back(nodes_[i].tool.name);
      if (name != nodes_[i].tool.name && name != nodes_[i].id) continue;
      if (!found) found = i;
    }
    if (!found) {
      mistakes_.add(joined(path, end), name.empty() ? std::string("is missing; expected one of the tools")
                                                    : "is \"" + printable(name, 60) +
                                                          "\", which is not among the tools" + suggestion(name, names));
    }
    return found;
  }

  void read_edges() {
    const Json* edges = members_.list("graph_edges", kStepsMax * kStepsMax);
    if (edges == nullptr) return;
    for (std::size_t i = 0; i < edges->size(); ++i) {
      const std::string path = at_index("graph_edges", i);
      const MemberReader known_members((*edges)[i], path, {"source", "target"}, mistakes_);
      if (!(*edges)[i].is_object()) continue;
      const auto source = end_of_edge((*edges)[i], path, "source");
      const auto target = end_of_edge((*edges)[i], path, "target");
      if (source && target) nodes_[*target].follows.insert(*source);
    }
  }

  // Positions of all that comes before, the nearest first.
  [[nodiscard]] std::vector<std::size_t> before(std::size_t node) const {
    std::vector<std::size_t> found(nodes_[node].follows.rbegin(), nodes_[node].follows.rend());
    for (std::size_t at = 0; at < found.size(); ++at) {
      for (auto next = nodes_[found[at]].follows.rbegin(); next != nodes_[found[at]].follows.rend(); ++next) {
        if (std::find(found.begin(), found.end(), *next) == found.end()) found.push_back(*next);
      }
    }
    return found;
  }

  bool has_circle() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const std::vector<std::size_t> earlier = before(i);
      if (std::find(earlier.begin(), earlier.end(), i) == earlier.end()) continue;
      std::string circle;
      for (std::size_t n = 0; n < nodes_.size(); ++n) {
        const std::vector<std::size_t> others = before(n);
        const bool is_on_it = std::find(earlier.begin(), earlier.end(), n) != earlier.end() &&
                              std::find(others.begin(), others.end(), i) != others.end();
        if (is_on_it) circle += (circle.empty() ? "" : ", ") + nodes_[n].tool.name;
      }
      mistakes_.add("graph_edges", "go round in a circle through " + circle + "; expected edges that end somewhere");
      return true;
    }
    return false;
  }

  // "${...}" for an argument that is what an earlier step made or read; "" if none did.
  [[nodiscard]] std::string from_maker(const std::string& argument, std::size_t node) const {
    for (const std::size_t earlier : before(node)) {
      const std::string noun = made_noun(nodes_[earlier].tool.name);
      if (!noun.empty() && argument == noun + "_id") return "${steps." + nodes_[earlier].id + ".result.id}";
    }
    return "";
  }

  // The same for the target of a scan that an earlier step made or read.
  [[nodiscard]] std::string from_scan(const std::string& argument, std::size_t node) const {
    for (const std::size_t earlier : before(node)) {
      const bool is_scan = made_noun(nodes_[earlier].tool.name) == "scan";
      if (is_scan && argument == "target_id") return "${steps." + nodes_[earlier].id + ".result.target_id}";
    }
    return "";
  }

  Json arguments_of(std::size_t node, bool has_given_schema) {
    const runs::CallableTool& tool = nodes_[node].tool;
    Json args = Json::object();
    const Json* properties = find_member(tool.input_schema, "properties");
    if (properties == nullptr || !properties->is_object()) return args;
    const Json* required = find_member(tool.input_schema, "required");
    // A tool that is told the scan takes no target beside it.
    const bool has_maker = std::any_of(properties->items().begin(), properties->items().end(),
                                       [&](const auto& property) { return !from_maker(property.key(), node).empty(); });
    for (const auto& [name, schema] : properties->items()) {
      const bool is_required =
          required != nullptr && std::find(required->begin(), required->end(), Json(name)) != required->end();
      const bool is_own = std::find(kNotInputs.begin(), kNotInputs.end(), name) != kNotInputs.end();
      if (is_own && !is_required) continue;
      const std::string maker = from_maker(name, node);
      if (has_maker && maker.empty() && !is_required && (name == "target_id" || name == "url")) continue;
      if (const std::string earlier = maker.empty() ? from_scan(name, node) : maker; !earlier.empty()) {
        args[name] = earlier;
      } else if (!has_given_schema || inputs_.contains(name)) {
        args[name] =
            is_required && !has_given_schema ? "${inputs." + name + "}" : "${default(inputs." + name + ", null)}";
        if (!has_given_schema && !inputs_.contains(name)) inputs_[name] = schema;
        if (!has_given_schema && is_required) required_.insert(name);
      } else if (is_required) {
        mistakes_.add(at_index("tools", node), "is " + tool.name + ", which needs " + name +
                                                   "; neither a tool before it nor input_schema gives it");
      }
    }
    return args;
  }

  Pipeline write() {
    const Json* given = members_.object("input_schema");
    if (given != nullptr) {
      if (const Json* properties = find_member(*given, "properties");
          properties != nullptr && properties->is_object()) {
        inputs_ = *properties;
      }
    }
    Json steps = Json::array();
    std::map<std::size_t, std::string> ends;  // by position: the step that the followers wait for
    std::vector<std::size_t> followed;
    for (const Node& node : nodes_) followed.insert(followed.end(), node.follows.begin(), node.follows.end());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Node& node = nodes_[i];
      ends[i] = node.id;
      steps.push_back({{"id", node.id}, {"tool", node.tool.name}, {"args", arguments_of(i, given != nullptr)}});
      const bool is_followed = std::find(followed.begin(), followed.end(), i) != followed.end();
      if (node.tool.name != kScanMaker || !is_followed) continue;
      ends[i] = node.id + "_end";
      steps.push_back({{"id", ends[i]},
                       {"tool", "get_scan"},
                       {"args", {{"scan_id", "${steps." + node.id + ".result.id}"}, {"wait_seconds", 50}}},
                       {"until", "${result.finished_at != null}"},
                       {"timeout_s", kScanWaitSeconds},
                       {"needs", {node.id}}});
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Json needs = Json::array();
      for (const std::size_t earlier : nodes_[i].follows) needs.push_back(ends[earlier]);
      for (Json& step : steps) {
        if (step["id"] == nodes_[i].id) step["needs"] = needs;
      }
    }
    Json schema =
        given != nullptr ? *given : Json{{"type", "object"}, {"properties", inputs_}, {"additionalProperties", false}};
    if (given == nullptr && !required_.empty()) schema["required"] = required_;
    return {.playbook = {{"steps", std::move(steps)}}, .input_schema = std::move(schema)};
  }

  const runs::ToolDirectory& known_;
  Mistakes& mistakes_;
  MemberReader members_;
  std::vector<Node> nodes_;
  Json inputs_ = Json::object();
  std::set<std::string> required_;
};

}  // namespace

bool is_short_form(const Json& definition) {
  const auto is_given = [&](std::string_view name) {
    const Json* value = find_member(definition, name);
    return value != nullptr && !value->is_null();
  };
  return is_given("pipeline_type") || is_given("graph_edges");
}

std::optional<Pipeline> expand_pipeline(const Json& definition, const runs::ToolDirectory& known, Mistakes& mistakes) {
  return PipelineReader(definition, known, mistakes).expand();
}

}  // namespace weir::tools::agents

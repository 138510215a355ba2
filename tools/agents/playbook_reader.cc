#include "tools/agents/playbook_reader.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "tools/agents/step_arguments.h"
#include "tools/near_match.h"
#include "tools/runs/playbook/expression.h"

namespace weir::tools::agents {
namespace {

const std::vector<std::string> kStepMembers = {"id",        "tool",      "args",     "when",         "for_each",
                                               "max_items", "until",     "on_error", "max_attempts", "timeout_s",
                                               "approve",   "output_as", "needs"};
constexpr std::size_t kToolNameBytesMax = 200;

bool is_step_id(std::string_view text) {
  if (text.empty() || text.size() > kStepIdBytesMax || text[0] < 'a' || text[0] > 'z') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

// Not thread-safe: owned by read_playbook.
class StepReader {
 public:
  StepReader(const Json& json, const std::string& path, const runs::ToolDirectory* known, Mistakes& mistakes)
      : known_(known), mistakes_(mistakes), members_(json, path, kStepMembers, mistakes) {}

  Step read() {
    read_name("id", step_.id);
    if (!members_.has("id")) members_.missing("id", "a name for the step, such as scan, by which others refer to it");
    read_tool();
    read_flow();
    read_name("output_as", step_.output_as);
    if (const Json* needs = members_.list("needs", kStepsMax)) read_needs(*needs);
    return std::move(step_);
  }

 private:
  void read_name(std::string_view member, std::string& name) {
    const std::optional<std::string> text = members_.text(member, kDefinitionBytesMax);
    if (!text) return;
    if (is_step_id(*text)) {
      name = *text;
    } else {
      members_.wrong(member, "is \"" + printable(*text, 60) + "\"; expected a lower-case letter and then up to " +
                                 std::to_string(kStepIdBytesMax - 1) + " letters, digits or underscores");
    }
  }

  void read_tool() {
    const std::optional<std::string> name = members_.text("tool", kToolNameBytesMax);
    if (!members_.has("tool")) members_.missing("tool", "a tool's name (list_agent_tools shows which there are)");
    step_.tool = name.value_or("");
    std::optional<runs::CallableTool> tool;
    if (name && known_ != nullptr) tool = usable_tool(*known_, *name, members_.path_of("tool"), mistakes_);
    const Json* args = members_.object("args");
    if (args != nullptr) {
      step_.args = *args;
      check_size(*args, members_.path_of("args"), kArgsBytesMax, mistakes_);
    } else if (members_.has("args")) {
      return;
    }
    if (tool) check_arguments(step_.args, *tool, members_.path_of("args"), mistakes_);
  }

  void read_flow() {
    step_.when = members_.text("when", runs::kExpressionBytesMax).value_or("");
    step_.for_each = members_.text("for_each", runs::kExpressionBytesMax).value_or("");
    step_.until = members_.text("until", runs::kExpressionBytesMax).value_or("");
    step_.max_items = members_.integer("max_items", {.minimum = 1, .maximum = kStepItemsMax}).value_or(step_.max_items);
    const std::optional<std::string> on_error = members_.one_of("on_error", {"stop", "continue", "retry"});
    if (on_error == "continue") step_.on_error = Step::OnError::carry_on;
    if (on_error == "retry") step_.on_error = Step::OnError::retry;
    step_.max_attempts =
        members_.integer("max_attempts", {.minimum = 1, .maximum = kStepAttemptsMax}).value_or(step_.max_attempts);
    const auto timeout = members_.integer("timeout_s", {.minimum = 1, .maximum = kStepTimeoutMax.count()});
    if (timeout) step_.timeout = std::chrono::seconds{*timeout};
    if (members_.one_of("approve", {"never", "always"}) == "always") step_.approve = Step::Approve::always;
  }

  void read_needs(const Json& needs) {
    for (std::size_t i = 0; i < needs.size(); ++i) {
      const std::string path = at_index(members_.path_of("needs"), i);
      if (!needs[i].is_string()) {
        mistakes_.add(path, "is " + shown(needs[i]) + "; expected a step's id");
      } else if (std::find(step_.needs.begin(), step_.needs.end(), needs[i]) == step_.needs.end()) {
        step_.needs.push_back(needs[i].get<std::string>());
      }
    }
  }

  const runs::ToolDirectory* known_;
  Mistakes& mistakes_;
  MemberReader members_;
  Step step_;
};

void check_names(const PlaybookText& text, Mistakes& mistakes) {
  std::map<std::string, std::size_t> taken;
  for (std::size_t i = 0; i < text.playbook.steps.size(); ++i) {
    const Step& step = text.playbook.steps[i];
    const auto take = [&](const std::string& name, std::string_view member) {
      const auto [first, is_free] = taken.emplace(name, i);
      if (is_free || name.empty() || first->second == i) return;
      mistakes.add(joined(text.paths[i], member), "is \"" + name + "\", which is already the name of " +
                                                      text.paths[first->second] + "; expected another");
    };
    take(step.id, "id");
    take(step.output_as, "output_as");
  }
}

}  // namespace

std::optional<runs::CallableTool> usable_tool(const runs::ToolDirectory& known, const std::string& name,
                                              const std::string& path, Mistakes& mistakes) {
  std::optional<runs::CallableTool> tool = known.find(name);
  if (tool && tool->is_grantable) return tool;
  if (tool) {
    mistakes.add(path, "is \"" + name + "\", which agents may never call; list_agent_tools shows which they may");
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const runs::CallableTool& one : known.all()) {
    if (one.is_grantable) names.push_back(one.name);
  }
  const std::string near = suggestion(name, names);
  mistakes.add(path, "is \"" + printable(name, 60) + "\", which is no tool" +
                         (near.empty() ? "; list_agent_tools shows which there are" : near));
  return std::nullopt;
}

PlaybookText read_playbook(const Json& json, const std::string& path, const runs::ToolDirectory* known,
                           Mistakes& mistakes) {
  PlaybookText text;
  MemberReader members(json, path, {"steps", "output", "inputs"}, mistakes);
  if (const Json* output = members.find("output")) {
    text.playbook.output = *output;
    check_size(*output, members.path_of("output"), kOutputBytesMax, mistakes);
  }
  const Json* steps = members.list("steps", kStepsMax);
  if (steps == nullptr) {
    if (json.is_object() && !members.has("steps"))
      members.missing("steps", "an array of at least one step {id, tool, args}");
    return text;
  }
  if (steps->empty()) members.wrong("steps", "is empty; expected at least one step {id, tool, args}");
  for (std::size_t i = 0; i < steps->size(); ++i) {
    const std::string step_path = at_index(members.path_of("steps"), i);
    text.playbook.steps.push_back(StepReader((*steps)[i], step_path, known, mistakes).read());
    text.paths.push_back(step_path);
    text.says_needs = text.says_needs || find_member((*steps)[i], "needs") != nullptr;
  }
  check_names(text, mistakes);
  return text;
}

}  // namespace weir::tools::agents

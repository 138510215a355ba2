// What the expressions of a playbook read, and where they stand.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "tools/agents/agent_definition.h"
#include "tools/agents/definition_reader.h"
#include "tools/runs/playbook/expression.h"

namespace weir::tools::agents {

// Not thread-safe: a value.
struct TextReference {
  enum class Place : std::uint8_t { args, when, for_each, until, output } place = Place::output;
  std::string path;  // of the text that holds it
  runs::Reference reference;
};

// Expressions that cannot be parsed are mistakes.
std::vector<TextReference> references_of(const Step& step, const std::string& path, Mistakes& mistakes);
// Of a template: the output, or arguments.
std::vector<TextReference> references_in(const Json& text, const std::string& path, Mistakes& mistakes);

}  // namespace weir::tools::agents

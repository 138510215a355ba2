// A playbook's steps from JSON: each member checked by itself. How steps hang together is playbook_graph's.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "tools/agents/agent_definition.h"
#include "tools/agents/definition_reader.h"

namespace weir::tools::agents {

inline constexpr std::size_t kOutputBytesMax = 32'768;

// Not thread-safe: a value.
struct PlaybookText {
  Playbook playbook;
  std::vector<std::string> paths;  // of the steps, parallel: "playbook.steps[2]"
  bool says_needs = false;         // some step has the member
};

// `known`: null for what we stored ourselves, then no tool is looked up. Steps with mistakes are there too, as far as
// they could be read; a step without a usable id has "".
PlaybookText read_playbook(const Json& json, const std::string& path, const runs::ToolDirectory* known,
                           Mistakes& mistakes);

// Adds a mistake and returns nothing if no tool of that name may be used by agents.
std::optional<runs::CallableTool> usable_tool(const runs::ToolDirectory& known, const std::string& name,
                                              const std::string& path, Mistakes& mistakes);

}  // namespace weir::tools::agents

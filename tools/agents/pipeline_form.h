// The short form of a playbook: a name for the shape and the names of tools, nothing of steps. Expanded once, when the
// agent is created; what is stored is the long form.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "tools/agents/definition_reader.h"
#include "tools/runs/callable_tool.h"

namespace weir::tools::agents {

// Not thread-safe: a value.
struct Pipeline {
  Json playbook;      // as a caller would have written it
  Json input_schema;  // given, or of what the tools need
};

// True if the definition is written so.
bool is_short_form(const Json& definition);

// `definition` holds tools, pipeline_type (simple: one tool; sequential: a chain; graph, dag: as graph_edges say), and
// perhaps graph_edges and input_schema. Each tool becomes a step of its name. An argument is taken from a step before it
// whose result is what the argument names (scan_id after create_scan), else from the run's input. What follows a
// create_scan waits for the end of the scan. Returns nothing after a mistake.
std::optional<Pipeline> expand_pipeline(const Json& definition, const runs::ToolDirectory& known, Mistakes& mistakes);

}  // namespace weir::tools::agents

// How the steps of a playbook hang together: what each needs, in which order they can be done, and whether what they read
// will be there.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "tools/agents/definition_reader.h"
#include "tools/agents/playbook_reader.h"

namespace weir::tools::agents {

// Fills in `needs` (a sequence if no step says any; and the steps whose results are read), sorts the steps so that each
// follows those that it needs, otherwise as written. Adds mistakes: unknown steps and inputs, results read too early,
// circles, expressions that cannot be parsed or have no meaning where they stand. After mistakes the playbook is not to be
// used.
void link_playbook(PlaybookText& text, const std::string& path, const Json& input_schema, Mistakes& mistakes);

}  // namespace weir::tools::agents

// The skills that Weir gives to models: the files of `skills/`, compiled in.
#pragma once
#include <vector>

#include "server/mcp/skills.h"

namespace weir::mcp_offers {

// The texts live as long as the program. Made from `skills/` by embed_skills.cmake.
std::vector<mcp::SkillFile> embedded_skill_files();

// skill://weir/NAME/SKILL.md. A file that breaks the rules stops the program at once: it is our own.
mcp::SkillSet product_skills();

}  // namespace weir::mcp_offers

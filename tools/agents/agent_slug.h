// The name by which an agent is called in commands and addresses: ^[a-z0-9][a-z0-9-]{0,62}$.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::tools::agents {

inline constexpr std::size_t kSlugBytesMax = 63;

bool is_slug(std::string_view text);
// Returns validation_failed, at `slug`, if it is none, or if it could be taken for an id.
Result<std::string> checked_slug(std::string_view text);
// "My Agent (2)" is "my-agent-2". Returns validation_failed if nothing of the name can stay.
Result<std::string> slug_from(std::string_view name);

}  // namespace weir::tools::agents

// Marks text that others wrote (a scanned site, an external tool), so that a model can tell it from what it was asked
// to do. It helps and is no barrier: what a run may do is decided by code (tools/runs/tool_policy.h).
// docs/decisions/0016.
#pragma once
#include <string>
#include <string_view>

#include "base/random.h"

namespace weir::tools::runs {

// For the instructions: what the marks mean.
extern const std::string_view kSpotlightNotice;

// `text` between two lines that hold a mark which nobody could have guessed and which is not in `text`. `source` names
// where it came from, in our words: a tool's name.
std::string spotlit(std::string_view text, std::string_view source, Random& random);

// Long enough that it is not guessed, short enough to be copied by a model without a mistake.
inline constexpr std::size_t kSpotlightMarkCharacters = 16;

}  // namespace weir::tools::runs

// What the server tells a model about itself, in both eras the same.
#pragma once
#include <cstddef>
#include <string_view>

namespace weir::mcp {

// Some hosts cut instructions at 2 KB.
inline constexpr std::size_t kInstructionsBytesMax = 2'048;

std::string_view instructions();

}  // namespace weir::mcp

// "Did you mean": the known name that is closest to a mistyped one. Pure.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tools {

// The candidate at the smallest edit distance, if that is small enough to be a typing error or one contains the
// other; "" otherwise. Only the first kNearMatchBytesMax bytes are compared.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);
inline constexpr std::size_t kNearMatchBytesMax = 80;

// "passive, quick, full", at most `shown_max` of them, then "and 12 more".
std::string listed(const std::vector<std::string>& names, std::size_t shown_max = 20);

}  // namespace weir::tools

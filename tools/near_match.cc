#include "tools/near_match.h"

#include <algorithm>
#include <numeric>

namespace weir::tools {
namespace {

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t above = row[j];
      const std::size_t replaced = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, above + 1, row[j - 1] + 1});
      diagonal = above;
    }
  }
  return row[right.size()];
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  // Shorter parts are in too many names to mean anything.
  constexpr std::size_t kPartBytesMin = 3;
  const std::string_view wanted = name.substr(0, kNearMatchBytesMax);
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, wanted.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::string_view known = std::string_view(candidate).substr(0, kNearMatchBytesMax);
    std::size_t distance = edit_distance(wanted, known);
    const bool is_part = wanted.size() >= kPartBytesMin && known.size() >= kPartBytesMin &&
                         (known.find(wanted) != std::string_view::npos || wanted.find(known) != std::string_view::npos);
    if (is_part) distance = std::min<std::size_t>(distance, 2);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string listed(const std::vector<std::string>& names, std::size_t shown_max) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < shown_max; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > shown_max) text += " and " + std::to_string(names.size() - shown_max) + " more";
  return text;
}

}  // namespace weir::tools

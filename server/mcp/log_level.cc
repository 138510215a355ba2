#include "server/mcp/log_level.h"

#include <algorithm>
#include <array>

namespace weir::mcp {

namespace {

// From the least to the most severe.
constexpr std::array<std::string_view, 8> kLevels{"debug", "info",     "notice", "warning",
                                                  "error", "critical", "alert",  "emergency"};

}  // namespace

bool is_log_level(std::string_view name) { return std::ranges::find(kLevels, name) != kLevels.end(); }

bool is_wanted(std::string_view level, std::string_view least) {
  const auto from = std::ranges::find(kLevels, least);
  return from != kLevels.end() && std::find(from, kLevels.end(), level) != kLevels.end();
}

}  // namespace weir::mcp

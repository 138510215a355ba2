#include "tools/scans/checks/check.h"

#include <array>
#include <utility>

namespace weir::tools::scans {
namespace {

constexpr std::array<std::string_view, 5> kSeverities{"info", "low", "medium", "high", "critical"};
constexpr std::array<std::string_view, 4> kProfiles{"passive", "quick", "full", "custom"};
constexpr std::array<std::string_view, 4> kStates{"ran", "skipped", "error", "not_applicable"};

template <typename Enum, std::size_t kSize>
std::optional<Enum> value_from(const std::array<std::string_view, kSize>& names, std::string_view name) {
  for (std::size_t i = 0; i < kSize; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Severity severity) { return kSeverities.at(static_cast<std::size_t>(severity)); }
std::optional<Severity> severity_from(std::string_view name) { return value_from<Severity>(kSeverities, name); }
std::string_view to_string(Profile profile) { return kProfiles.at(static_cast<std::size_t>(profile)); }
std::optional<Profile> profile_from(std::string_view name) { return value_from<Profile>(kProfiles, name); }
std::string_view to_string(CheckState state) { return kStates.at(static_cast<std::size_t>(state)); }

}  // namespace weir::tools::scans

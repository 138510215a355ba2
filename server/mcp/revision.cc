#include "server/mcp/revision.h"

#include <cstddef>

namespace weir::mcp {

namespace {

struct Entry {
  std::string_view name;
  Features features;
};

// Changelogs of the specification, one row a revision, in the order of the enumeration.
constexpr std::array kRevisions{
    Entry{"2024-11-05", {false, false, false, false, false, false, false}},
    Entry{"2025-03-26", {false, false, false, false, true, true, true}},
    Entry{"2025-06-18", {true, true, false, false, false, true, true}},
    Entry{"2025-11-25", {true, true, true, false, false, true, true}},
    Entry{"2026-07-28", {true, true, true, true, false, true, true}},
};
static_assert(kRevisions.size() == kAllRevisions.size());

}  // namespace

std::string_view to_string(Revision revision) { return kRevisions.at(static_cast<std::size_t>(revision)).name; }

std::optional<Revision> revision_from(std::string_view text) {
  for (const Revision revision : kAllRevisions) {
    if (to_string(revision) == text) return revision;
  }
  return std::nullopt;
}

const Features& features_of(Revision revision) { return kRevisions.at(static_cast<std::size_t>(revision)).features; }

}  // namespace weir::mcp

// The revisions of MCP that this server speaks, and what sets them apart on the wire.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::mcp {

// In the order of time.
enum class Revision : std::uint8_t { r2024_11_05, r2025_03_26, r2025_06_18, r2025_11_25, r2026_07_28 };

inline constexpr Revision kLatestSessionRevision = Revision::r2025_11_25;
inline constexpr Revision kModernRevision = Revision::r2026_07_28;
inline constexpr std::array kAllRevisions{Revision::r2024_11_05, Revision::r2025_03_26, Revision::r2025_06_18,
                                          Revision::r2025_11_25, Revision::r2026_07_28};

// "2025-03-26".
std::string_view to_string(Revision revision);
// Nothing if it is not one that is spoken here.
std::optional<Revision> revision_from(std::string_view text);

// Before 2026-07-28 a client opens a session with `initialize`; since then each request stands alone.
inline bool has_sessions(Revision revision) { return revision < kModernRevision; }

// What a revision knows; a field that it does not know is not sent. Immutable.
struct Features {
  bool has_titles;              // Tool.title, Implementation.title
  bool has_structured_content;  // structuredContent, outputSchema
  bool has_descriptions;        // Implementation.description and websiteUrl
  bool has_result_type;         // resultType, ttlMs, cacheScope, serverInfo in _meta
  bool has_batches;
  bool has_annotations;  // Tool.annotations
  bool has_completions_capability;
};
const Features& features_of(Revision revision);

}  // namespace weir::mcp

// Scopes: what a key may do. A tool names the one that it needs.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::tools {

// The wire names have a colon: "targets:read". `none` is for calls that any valid key may make.
enum class Scope : std::uint8_t {
  none,
  targets_read,
  targets_write,
  scans_read,
  scans_run,
  findings_read,
  findings_write,
  agents_read,
  agents_write,
  runs_read,
  runs_run,
  runs_approve,
  webhooks_write,
  admin,
};
std::string_view to_string(Scope scope);

// A set of scopes. `admin` includes every other; a write or run scope does not include its read scope. Immutable.
class Scopes {
 public:
  Scopes() = default;
  // Accepts scope names and the shorthands "read" (every ...:read) and "write" (every scope but admin and
  // runs:approve). Returns validation_failed, naming the unknown one and the known ones.
  static Result<Scopes> parse(std::span<const std::string> names);
  [[nodiscard]] bool allows(Scope scope) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace weir::tools

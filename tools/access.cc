#include "tools/access.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "tools/call_context.h"

namespace weir::tools {
namespace {

constexpr std::array kGrantable{Scope::targets_read,  Scope::targets_write,  Scope::scans_read,   Scope::scans_run,
                                Scope::findings_read, Scope::findings_write, Scope::agents_read,  Scope::agents_write,
                                Scope::runs_read,     Scope::runs_run,       Scope::runs_approve, Scope::webhooks_write,
                                Scope::admin};

constexpr std::uint32_t bit_of(Scope scope) { return std::uint32_t{1} << static_cast<unsigned>(scope); }

std::uint32_t bits_of_read() {
  std::uint32_t bits = 0;
  for (const Scope scope : kGrantable) {
    if (to_string(scope).ends_with(":read")) bits |= bit_of(scope);
  }
  return bits;
}

// Approving what an agent run may do is a person's decision and is granted by name only.
std::uint32_t bits_of_write() {
  std::uint32_t bits = 0;
  for (const Scope scope : kGrantable) {
    if (scope != Scope::admin && scope != Scope::runs_approve) bits |= bit_of(scope);
  }
  return bits;
}

std::string known_names() {
  std::string names;
  for (const Scope scope : kGrantable) names += std::string(to_string(scope)) + ", ";
  return names + "and the shorthands read, write";
}

}  // namespace

std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::none: return "none";
    case Scope::targets_read: return "targets:read";
    case Scope::targets_write: return "targets:write";
    case Scope::scans_read: return "scans:read";
    case Scope::scans_run: return "scans:run";
    case Scope::findings_read: return "findings:read";
    case Scope::findings_write: return "findings:write";
    case Scope::agents_read: return "agents:read";
    case Scope::agents_write: return "agents:write";
    case Scope::runs_read: return "runs:read";
    case Scope::runs_run: return "runs:run";
    case Scope::runs_approve: return "runs:approve";
    case Scope::webhooks_write: return "webhooks:write";
    case Scope::admin: return "admin";
  }
  return "none";
}

Result<Scopes> Scopes::parse(std::span<const std::string> names) {
  Scopes scopes;
  for (const std::string& name : names) {
    if (name == "read") {
      scopes.bits_ |= bits_of_read();
    } else if (name == "write") {
      scopes.bits_ |= bits_of_write();
    } else {
      const auto* const found =
          std::find_if(kGrantable.begin(), kGrantable.end(), [&](Scope scope) { return to_string(scope) == name; });
      if (found == kGrantable.end()) {
        const std::string shown = printable(name, 60);
        return Error(ErrorCode::validation_failed,
                     "\"" + shown + "\" is not a scope. The scopes are " + known_names() + ".")
            .with_field("scopes", "holds \"" + shown + "\"; expected one of " + known_names());
      }
      scopes.bits_ |= bit_of(*found);
    }
  }
  return scopes;
}

bool Scopes::allows(Scope scope) const {
  return scope == Scope::none || (bits_ & (bit_of(scope) | bit_of(Scope::admin))) != 0;
}

std::vector<std::string> Scopes::names() const {
  std::vector<std::string> names;
  for (const Scope scope : kGrantable) {
    if ((bits_ & bit_of(scope)) != 0) names.emplace_back(to_string(scope));
  }
  return names;
}

std::string_view to_string(Surface surface) {
  switch (surface) {
    case Surface::rest: return "rest";
    case Surface::mcp: return "mcp";
    case Surface::cli: return "cli";
    case Surface::run: return "run";
  }
  return "rest";
}

}  // namespace weir::tools

// requestState (SEP-2322): what a server hands a client between two rounds of one request, and takes back as something
// that an attacker wrote. Authenticated, not secret: the client may read it.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"

namespace weir::mcp {

class Call;

// How long a client may take to answer; a person may have to be asked.
inline constexpr std::chrono::minutes kRequestStateLife{15};

// Thread-safe.
class RequestStates {
 public:
  // Servers that share the key open each other's states. `clock` must outlive this.
  RequestStates(std::string key, const Clock& clock) : key_(std::move(key)), clock_(clock) {}

  // Bound to the key that calls, to the method and its parameters, and to a time.
  [[nodiscard]] std::string seal(const Json& state, const Call& call) const;
  // Nothing if it was changed, made for another request or another caller, or is too old.
  [[nodiscard]] std::optional<Json> open(std::string_view text, const Call& call) const;

 private:
  const std::string key_;
  const Clock& clock_;
};

}  // namespace weir::mcp

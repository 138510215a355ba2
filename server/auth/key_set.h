// The public keys of an issuer (RFC 7517). Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::auth {

// What a signature may be made with. Pinned: what is not here is refused.
enum class Algorithm : std::uint8_t { rs256, es256 };
std::string_view to_string(Algorithm algorithm);  // "RS256", as in RFC 7518
std::optional<Algorithm> algorithm_from(std::string_view name);

// base64url without padding (RFC 7515 section 2), of at least one byte. The library that decodes it aborts the process at
// some of what is not, so nothing else may reach it.
bool is_base64url(std::string_view text);

// Not thread-safe: a value.
struct Jwk {
  std::string id;  // "kid", "" if it has none
  Algorithm algorithm = Algorithm::rs256;
  std::string text;  // the key as JSON, with its public members only
};

// Immutable.
class KeySet {
 public:
  // Keys that are not for RS256 (RSA of at least 2048 bits) or ES256 (P-256) signatures are left out, as RFC 7517 section
  // 5 wants. Returns bad_request if the text is no key set at all or none of its keys can be used.
  static Result<KeySet> parse(std::string_view text);

  // Null if there is none. A token that names no key gets the only one of its algorithm, if it is the only one.
  [[nodiscard]] const Jwk* find(std::string_view id, Algorithm algorithm) const;
  [[nodiscard]] const std::vector<Jwk>& keys() const { return keys_; }

 private:
  std::vector<Jwk> keys_;
};

}  // namespace weir::auth

// A JSON Web Token as it arrives (RFC 7519, compact serialisation of RFC 7515), and the check of its signature. The only
// file that knows cjose. What the claims mean is not here: token_verifier.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "server/auth/key_set.h"

namespace weir::auth {

// Larger ones are refused before they are read: an access token of a real issuer has some 2 KiB.
inline constexpr std::size_t kTokenBytesMax = 8 * 1024;

// True for a text that is meant as a JWT: three parts that dots separate. Says nothing of what they hold.
bool has_token_form(std::string_view text);

// Not thread-safe: owned by one verification.
class SignedToken {
 public:
  // Returns unauthorized if it is no JWS, its algorithm is neither RS256 nor ES256, or its header asks for something
  // that is not understood (RFC 7515 section 4.1.11). Nothing of it is believed yet.
  static Result<SignedToken> read(std::string_view text);
  ~SignedToken();
  SignedToken(SignedToken&& other) noexcept;
  SignedToken& operator=(SignedToken&& other) noexcept;
  SignedToken(const SignedToken&) = delete;
  SignedToken& operator=(const SignedToken&) = delete;

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] const std::string& key_id() const { return key_id_; }  // "" if the token names none

  // The claims, if `key` made the signature; else unauthorized. The key's own algorithm counts, not the token's.
  [[nodiscard]] Result<Json> claims(const Jwk& key) const;

 private:
  struct Native;
  SignedToken();

  std::unique_ptr<Native> native_;
  Algorithm algorithm_ = Algorithm::rs256;
  std::string key_id_;
};

}  // namespace weir::auth

// An authorization server as far as a resource server sees it: keys that a test makes, and tokens signed with them.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "server/auth/key_set.h"

namespace weir::auth::testing {

// Not thread-safe: owned by a test.
class Issuer {
 public:
  enum class Kind { rsa_2048, rsa_1024, ec_p256, ec_p384, secret };
  // Makes a key.
  Issuer(std::string key_id, Kind kind);
  ~Issuer();
  Issuer(Issuer&&) noexcept;

  // The public key as a member of a key set; of `secret`, the secret itself.
  [[nodiscard]] Json public_key() const;
  // Compact, signed with the key; `header` gets alg and kid if it has none.
  [[nodiscard]] std::string sign(const Json& claims, Json header = Json::object()) const;
  [[nodiscard]] std::string algorithm() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string key_set_of(std::initializer_list<Json> keys);
std::string base64url(std::string_view bytes);

}  // namespace weir::auth::testing

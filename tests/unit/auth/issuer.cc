#include "tests/unit/auth/issuer.h"

#include <cjose/cjose.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/hmac.h"

namespace weir::auth::testing {

struct Issuer::State {
  std::string key_id;
  Kind kind;
  cjose_jwk_t* key = nullptr;
};

Issuer::Issuer(std::string key_id, Kind kind) : state_(std::make_unique<State>()) {
  state_->key_id = std::move(key_id);
  state_->kind = kind;
  cjose_err error{};
  const unsigned char exponent[] = {1, 0, 1};
  const std::string secret = "a secret that everybody knows by heart";
  switch (kind) {
    case Kind::rsa_2048: state_->key = cjose_jwk_create_RSA_random(2048, exponent, sizeof exponent, &error); break;
    case Kind::rsa_1024: state_->key = cjose_jwk_create_RSA_random(1024, exponent, sizeof exponent, &error); break;
    case Kind::ec_p256: state_->key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error); break;
    case Kind::ec_p384: state_->key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_384, &error); break;
    case Kind::secret:
      state_->key =
          cjose_jwk_create_oct_spec(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), &error);
      break;
  }
  EXPECT_NE(state_->key, nullptr) << error.message;
}

Issuer::~Issuer() {
  if (state_) cjose_jwk_release(state_->key);
}
Issuer::Issuer(Issuer&&) noexcept = default;

std::string Issuer::algorithm() const {
  switch (state_->kind) {
    case Kind::ec_p256: return "ES256";
    case Kind::ec_p384: return "ES384";
    case Kind::secret: return "HS256";
    default: return "RS256";
  }
}

Json Issuer::public_key() const {
  cjose_err error{};
  char* text = cjose_jwk_to_json(state_->key, state_->kind == Kind::secret, &error);
  Json key = parse_json(text).value();
  std::free(text);
  key["kid"] = state_->key_id;
  key["use"] = "sig";
  key["alg"] = algorithm();
  return key;
}

std::string Issuer::sign(const Json& claims, Json header) const {
  if (!header.contains("alg")) header["alg"] = algorithm();
  if (!header.contains("kid") && !state_->key_id.empty()) header["kid"] = state_->key_id;
  cjose_err error{};
  cjose_header_t* native = cjose_header_new(&error);
  for (const auto& [name, value] : header.items()) {
    if (value.is_string()) {
      cjose_header_set(native, name.c_str(), value.get<std::string>().c_str(), &error);
    } else {
      cjose_header_set_raw(native, name.c_str(), to_text(value).c_str(), &error);
    }
  }
  const std::string text = to_text(claims);
  cjose_jws_t* token =
      cjose_jws_sign(state_->key, native, reinterpret_cast<const unsigned char*>(text.data()), text.size(), &error);
  EXPECT_NE(token, nullptr) << error.message;
  const char* compact = nullptr;
  cjose_jws_export(token, &compact, &error);
  std::string result = compact;
  cjose_jws_release(token);
  cjose_header_release(native);
  return result;
}

std::string key_set_of(std::initializer_list<Json> keys) { return to_text({{"keys", std::vector<Json>(keys)}}); }

std::string base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : (c == '/' ? '_' : c);
  return text;
}

}  // namespace weir::auth::testing

#include "server/auth/signed_token.h"

#include <cjose/cjose.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "base/log.h"

namespace weir::auth {
namespace {

struct Releases {
  void operator()(cjose_jws_t* token) const { cjose_jws_release(token); }
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(char* text) const { std::free(text); }  // NOLINT(cppcoreguidelines-no-malloc): cjose allocated it
};
template <typename T>
using Owned = std::unique_ptr<T, Releases>;

Error refused(std::string message) { return {ErrorCode::unauthorized, std::move(message)}; }

std::string header_text(cjose_header_t* header, const char* name) {
  cjose_err error{};
  const char* text = cjose_header_get(header, name, &error);
  return text == nullptr ? std::string() : std::string(text);
}

bool has_header(cjose_header_t* header, const char* name) {
  cjose_err error{};
  return Owned<char>(cjose_header_get_raw(header, name, &error)) != nullptr;
}

// RFC 9068 section 2.1 wants at+jwt, most issuers write JWT or nothing. Others are tokens for something else.
bool is_access_token_type(std::string type) {
  std::ranges::transform(type, type.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 4> kTypes{"", "jwt", "at+jwt", "application/at+jwt"};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

}  // namespace

struct SignedToken::Native {
  Owned<cjose_jws_t> token;
};

SignedToken::SignedToken() : native_(std::make_unique<Native>()) {}
SignedToken::~SignedToken() = default;
SignedToken::SignedToken(SignedToken&& other) noexcept = default;
SignedToken& SignedToken::operator=(SignedToken&& other) noexcept = default;

bool has_token_form(std::string_view text) { return std::ranges::count(text, '.') == 2; }

Result<SignedToken> SignedToken::read(std::string_view text) {
  if (text.size() > kTokenBytesMax) {
    return refused("The access token has " + std::to_string(text.size()) + " bytes; at most " +
                   std::to_string(kTokenBytesMax) + " are read.");
  }
  if (!has_token_form(text)) return refused("What was sent is neither a Weir API key (wk_...) nor a JSON Web Token.");
  const Error no_token = refused("The access token is no JSON Web Token with a signature. Was it copied whole?");
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    if (!is_base64url(text.substr(begin, end - begin))) return no_token;
    begin = end + 1;
  }
  SignedToken token;
  cjose_err error{};
  token.native_->token.reset(cjose_jws_import(text.data(), text.size(), &error));
  if (token.native_->token == nullptr) return no_token;
  cjose_header_t* const header = cjose_jws_get_protected(token.native_->token.get());
  // Only these two, whatever the library knows: "none" is no signature, and HS256 would take a public key as a secret.
  const std::string algorithm = header_text(header, "alg");
  const auto known = algorithm_from(algorithm);
  if (!known) {
    return refused("The access token is signed with \"" + printable(algorithm, 20) +
                   "\"; only RS256 and ES256 are accepted.");
  }
  if (has_header(header, "crit")) return refused("The access token demands extensions (crit) that are not known here.");
  if (const std::string type = header_text(header, "typ"); !is_access_token_type(type)) {
    return refused("The token is of the type \"" + printable(type, 40) + "\" and no access token.");
  }
  token.algorithm_ = *known;
  token.key_id_ = header_text(header, "kid");
  return token;
}

Result<Json> SignedToken::claims(const Jwk& key) const {
  const Error mismatch = refused("The signature of the access token does not fit the issuer's key.");
  if (key.algorithm != algorithm_) return mismatch;
  cjose_err error{};
  const Owned<cjose_jwk_t> native(cjose_jwk_import(key.text.data(), key.text.size(), &error));
  if (native == nullptr) {
    return refused("The issuer's key for this access token cannot be used.")
        .because(error.message == nullptr ? "" : error.message);
  }
  if (!cjose_jws_verify(native_->token.get(), native.get(), &error)) return mismatch;
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (!cjose_jws_get_plaintext(native_->token.get(), &bytes, &size, &error)) return mismatch;
  auto claims = parse_json({reinterpret_cast<const char*>(bytes), size});
  if (!claims || !claims->is_object()) return refused("The claims of the access token are no JSON object.");
  return claims;
}

}  // namespace weir::auth

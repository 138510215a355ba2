// libFuzzer entry for access tokens and key sets: what an authorization server, or somebody who pretends to be one, may
// send. The first line is the token, the second its claims, the rest a key set. Whatever the bytes, nothing crashes, no
// token is believed that no key signed, and what is believed keeps its promises. Replayed over corpus/token/ in every run.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/auth/key_set.h"
#include "server/auth/signed_token.h"
#include "server/auth/token_verifier.h"

namespace {

using weir::auth::Algorithm;
using weir::auth::KeySet;
using weir::auth::SignedToken;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return line;
}

weir::auth::Settings settings() {
  weir::auth::Settings settings;
  settings.issuer = "https://issuer.example";
  settings.jwks_file = "none";
  settings.scope_map = {"all=write", "boss=admin"};
  return settings;
}

// A key whose private half nobody has kept.
constexpr std::string_view kKey =
    R"({"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view token_text = take_line(text);
  const std::string_view claims_text = take_line(text);

  static const KeySet own = KeySet::parse(kKey).value();
  if (const auto token = SignedToken::read(token_text)) {
    CHECK(weir::auth::has_token_form(token_text), "three parts");
    for (const auto& key : own.keys()) CHECK(!token->claims(key), "a signature that nobody could make");
  }
  if (const auto keys = KeySet::parse(text)) {
    CHECK(!keys->keys().empty(), "a key set has keys");
    for (const auto& key : keys->keys()) {
      CHECK(weir::parse_json(key.text).has_value(), "a key reads back");
      if (const auto token = SignedToken::read(token_text)) static_cast<void>(token->claims(key));
    }
  }
  static const weir::SystemClock clock;
  static const auto resolver = weir::egress::system_resolver();
  static weir::auth::KeySource source({.file = "none"}, clock, *resolver);
  static const weir::auth::TokenVerifier verifier(settings(), {"https://weir.example/mcp"}, source, clock);
  if (const auto claims = weir::parse_json(claims_text)) {
    if (const auto identity = verifier.identity_of(*claims)) {
      CHECK(!identity->subject.empty(), "somebody");
      CHECK(identity->expires_at > clock.now(), "not expired");
    }
  }
  return 0;
}

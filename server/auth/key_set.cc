#include "server/auth/key_set.h"

#include <algorithm>

#include "base/json.h"

namespace weir::auth {
namespace {

// Issuers publish a handful; more than this is a mistake, and a list that is searched.
constexpr std::size_t kKeysMax = 100;
// 2048 bits as base64url without padding (RFC 7518 section 3.3 asks for no fewer).
constexpr std::size_t kModulusCharactersMin = 342;
// 8192 bits: beyond, a signature takes longer to check than a call to answer.
constexpr std::size_t kModulusCharactersMax = 1366;

bool is_for_signatures(const Json& key) {
  if (const Json* use = find_member(key, "use"); use != nullptr && *use != "sig") return false;
  const Json* operations = find_member(key, "key_ops");
  if (operations == nullptr || !operations->is_array()) return operations == nullptr;
  return std::ranges::any_of(*operations, [](const Json& operation) { return operation == "verify"; });
}

std::optional<Jwk> usable(const Json& key) {
  if (!is_for_signatures(key)) return std::nullopt;
  Jwk jwk{.id = string_or(key, "kid", ""), .algorithm = Algorithm::rs256, .text = ""};
  const std::string type = string_or(key, "kty", "");
  Json text{{"kty", type}};
  if (type == "RSA") {
    text["n"] = string_or(key, "n", "");
    text["e"] = string_or(key, "e", "");
    const std::size_t size = text["n"].get_ref<const std::string&>().size();
    if (size < kModulusCharactersMin || size > kModulusCharactersMax) return std::nullopt;
  } else if (type == "EC" && string_or(key, "crv", "") == "P-256") {
    jwk.algorithm = Algorithm::es256;
    text["crv"] = "P-256";
    text["x"] = string_or(key, "x", "");
    text["y"] = string_or(key, "y", "");
  } else {
    return std::nullopt;
  }
  for (const std::string_view number : {"n", "e", "x", "y"}) {
    if (const auto digits = string_member(text, number); digits && !is_base64url(*digits)) return std::nullopt;
  }
  const std::string algorithm = string_or(key, "alg", to_string(jwk.algorithm));
  if (algorithm != to_string(jwk.algorithm)) return std::nullopt;
  jwk.text = to_text(text);
  return jwk;
}

}  // namespace

bool is_base64url(std::string_view text) {
  // One character alone holds six bits of a byte.
  return text.size() > 1 && text.size() % 4 != 1 && std::ranges::all_of(text, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

std::string_view to_string(Algorithm algorithm) { return algorithm == Algorithm::rs256 ? "RS256" : "ES256"; }

std::optional<Algorithm> algorithm_from(std::string_view name) {
  for (const Algorithm algorithm : {Algorithm::rs256, Algorithm::es256}) {
    if (name == to_string(algorithm)) return algorithm;
  }
  return std::nullopt;
}

Result<KeySet> KeySet::parse(std::string_view text) {
  const auto document = parse_json(text);
  const Json* keys = document ? find_member(*document, "keys") : nullptr;
  if (keys == nullptr || !keys->is_array() || keys->size() > kKeysMax) {
    return Error(ErrorCode::bad_request, "It is no JSON Web Key Set: an object with a list \"keys\" of at most " +
                                             std::to_string(kKeysMax) + " is expected.");
  }
  KeySet set;
  for (const Json& key : *keys) {
    if (auto jwk = usable(key)) set.keys_.push_back(*std::move(jwk));
  }
  if (set.keys_.empty()) {
    return Error(ErrorCode::bad_request,
                 "None of its keys is for RS256 (RSA, 2048 bits or more) or ES256 (EC, P-256) signatures.");
  }
  return set;
}

const Jwk* KeySet::find(std::string_view id, Algorithm algorithm) const {
  const Jwk* found = nullptr;
  for (const Jwk& key : keys_) {
    if (key.algorithm != algorithm) continue;
    if (!id.empty()) {
      if (key.id == id) return &key;
      continue;
    }
    if (found != nullptr) return nullptr;
    found = &key;
  }
  return found;
}

}  // namespace weir::auth

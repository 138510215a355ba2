#include "server/api_key.h"

#include <algorithm>
#include <cstdint>

#include "base/hmac.h"

namespace weir::server {
namespace {

constexpr std::string_view kPrefix = "wk_";
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kRandomCharacters = 32;  // 190 bits
constexpr std::size_t kChecksumCharacters = 6;
constexpr std::size_t kShownCharacters = 7;  // "wk_" and four

// The first 48 bits of the digest in base62: finds typing errors, keeps no secret.
std::string checksum_of(std::string_view random_part) {
  const Sha256 digest = sha256(random_part);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 6; ++i) value = value << 8U | digest[i];
  std::string text;
  for (std::size_t i = 0; i < kChecksumCharacters; ++i) {
    text.push_back(kAlphabet[value % kAlphabet.size()]);
    value /= kAlphabet.size();
  }
  return text;
}

}  // namespace

NewApiKey make_api_key(Random& random) {
  const std::string random_part = random.base62(kRandomCharacters);
  NewApiKey key;
  key.secret = std::string(kPrefix) + random_part + checksum_of(random_part);
  key.prefix = key.secret.substr(0, kShownCharacters);
  key.hash = hash_of_key(key.secret);
  return key;
}

bool has_key_form(std::string_view text) {
  if (text.size() != kPrefix.size() + kRandomCharacters + kChecksumCharacters || !text.starts_with(kPrefix)) {
    return false;
  }
  const std::string_view random_part = text.substr(kPrefix.size(), kRandomCharacters);
  if (random_part.find_first_not_of(kAlphabet) != std::string_view::npos) return false;
  return text.substr(kPrefix.size() + kRandomCharacters) == checksum_of(random_part);
}

std::string hash_of_key(std::string_view secret) { return to_hex(sha256(secret)); }

}  // namespace weir::server

// The form of an API key: "wk_", 32 random base62 characters and a checksum of six, so that a typing error is told
// from a wrong key without a lookup. Only the SHA-256 of a key is stored.
#pragma once
#include <string>
#include <string_view>

#include "base/random.h"

namespace weir::server {

// Not thread-safe: a value.
struct NewApiKey {
  std::string secret;  // shown once
  std::string prefix;  // the first seven characters, kept for recognising the key
  std::string hash;    // hex SHA-256, stored
};

NewApiKey make_api_key(Random& random);
bool has_key_form(std::string_view text);
std::string hash_of_key(std::string_view secret);

}  // namespace weir::server

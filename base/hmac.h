// Digests and the text forms of bytes: SHA-256, HMAC-SHA256 (RFC 2104), hex, base64 (RFC 4648), and the one
// comparison that secrets may pass through.
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

using Sha256 = std::array<unsigned char, 32>;

Sha256 sha256(std::string_view bytes);
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);

std::string to_hex(std::string_view bytes);
std::string to_hex(const Sha256& digest);
std::string to_base64(std::string_view bytes);
// Nothing if `text` is not padded base64 of the standard alphabet.
std::optional<std::string> from_base64(std::string_view text);

// Takes the same time whatever the contents; different lengths are unequal (lengths are not secret).
bool equal_in_constant_time(std::string_view left, std::string_view right);

inline std::string_view as_bytes(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace weir

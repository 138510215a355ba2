#include "base/random.h"

#include <openssl/rand.h>

#include <array>
#include <limits>

#include "base/check.h"

namespace weir {

std::string Random::base62(std::size_t count) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string text;
  text.reserve(count);
  while (text.size() < count) {
    std::array<std::byte, 64> bytes{};
    fill(bytes);
    for (const std::byte byte : bytes) {
      // 248 = 4 * 62: rejecting the rest keeps every character equally likely.
      const auto value = std::to_integer<unsigned>(byte);
      if (value < 248 && text.size() < count) text.push_back(kAlphabet[value % 62]);
    }
  }
  return text;
}

std::uint64_t Random::below(std::uint64_t bound) {
  CHECK(bound > 0, "an empty range has no random element");
  const std::uint64_t limit =
      std::numeric_limits<std::uint64_t>::max() - std::numeric_limits<std::uint64_t>::max() % bound;
  while (true) {
    std::uint64_t value = 0;
    fill(std::as_writable_bytes(std::span(&value, 1)));
    if (value < limit) return value % bound;
  }
}

void SystemRandom::fill(std::span<std::byte> bytes) {
  const int done = RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  CHECK(done == 1, "the system's random generator works");
}

}  // namespace weir

#include "base/ids.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kUlidSize = 26;

// 48 bits of milliseconds and 80 random bits, five bits to the character, as the ULID specification lays
// them out: 10 characters of time, 16 of randomness.
std::string encode_ulid(std::uint64_t ms, const std::array<std::uint8_t, 10>& random) {
  std::string text(kUlidSize, '0');
  for (int i = 9; i >= 0; --i, ms >>= 5) text[static_cast<std::size_t>(i)] = kCrockford[ms & 31];
  unsigned bits = 0;
  unsigned buffer = 0;
  std::size_t at = 10;
  for (const std::uint8_t byte : random) {
    buffer = (buffer << 8 | byte) & 0xFFFF;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text[at++] = kCrockford[buffer >> bits & 31];
    }
  }
  return text;
}

}  // namespace

std::string IdGenerator::make(std::string_view prefix) {
  const auto now = static_cast<std::uint64_t>(to_unix_ms(clock_.now()));
  std::string ulid;
  {
    const std::lock_guard lock(mutex_);
    if (now > last_ms_) {
      last_ms_ = now;
      random_.fill(std::as_writable_bytes(std::span(last_random_)));
      last_random_[0] &= 0x7F;  // room to count up within the millisecond
    } else {
      for (std::size_t i = last_random_.size(); i-- > 0 && ++last_random_[i] == 0;) {}
    }
    ulid = encode_ulid(last_ms_, last_random_);
  }
  std::string id;
  id.reserve(prefix.size() + 1 + kUlidSize);
  id.append(prefix).append("_").append(ulid);
  return id;
}

bool is_id(std::string_view text, std::string_view prefix) {
  if (text.size() != prefix.size() + 1 + kUlidSize || !text.starts_with(prefix) || text[prefix.size()] != '_') {
    return false;
  }
  return std::ranges::all_of(text.substr(prefix.size() + 1),
                             [](char c) { return kCrockford.find(c) != std::string_view::npos; });
}

}  // namespace weir

// Randomness as a parameter, so that tests can choose it. For keys, secrets and ids alike.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace weir {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  // Fills `bytes` from a cryptographically secure source. Never blocks after the machine has booted.
  virtual void fill(std::span<std::byte> bytes) = 0;

  // `count` characters of [0-9A-Za-z], each equally likely.
  std::string base62(std::size_t count);
  // Equally likely in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
};

// OpenSSL's generator. Thread-safe.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override;
};

}  // namespace weir

// Randomness that repeats: a SplitMix64 sequence from a seed. Thread-safe.
#pragma once
#include <mutex>

#include "base/random.h"

namespace weir::testing {

class FakeRandom final : public Random {
 public:
  explicit FakeRandom(std::uint64_t seed = 1) : state_(seed) {}

  void fill(std::span<std::byte> bytes) override {
    const std::lock_guard lock(mutex_);
    for (std::byte& byte : bytes) {
      state_ += 0x9E3779B97F4A7C15U;
      std::uint64_t z = state_;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
      byte = static_cast<std::byte>(z ^ (z >> 31));
    }
  }

 private:
  std::mutex mutex_;
  std::uint64_t state_;
};

}  // namespace weir::testing

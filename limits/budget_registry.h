// Hands out one budget object for each key id, as RateLimiter::budget() promises. For backends whose budgets hold
// nothing that counts: what nobody holds and is idle may go.
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/guarded.h"

namespace weir::limits {

// `Budget` has `bool is_idle(time_point) const`. A shard is swept when it has doubled since its last sweep, so at most
// twice the live budgets are ever kept. Thread-safe.
template <typename Budget>
class BudgetRegistry {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // The budget of a key; `make()` gives a std::shared_ptr<Budget> if there is none, and is called without a lock.
  template <typename Make>
  std::shared_ptr<Budget> get(std::string_view key_id, TimePoint now, Make&& make) {
    Guarded<Shard>& shard = shards_[Hash{}(key_id) % kShards];
    auto found = shard.with([&](const Shard& inside) -> std::shared_ptr<Budget> {
      const auto entry = inside.budgets.find(key_id);
      return entry == inside.budgets.end() ? nullptr : entry->second;
    });
    if (found != nullptr) return found;
    std::shared_ptr<Budget> made = std::forward<Make>(make)();
    return shard.with([&](Shard& inside) {
      if (inside.budgets.size() >= inside.sweep_at) sweep(inside, now);
      return inside.budgets.emplace(std::string(key_id), std::move(made)).first->second;  // the first of two wins
    });
  }

  // Budgets kept.
  [[nodiscard]] std::size_t size() const {
    std::size_t size = 0;
    for (const Guarded<Shard>& shard : shards_) {
      size += shard.with([](const Shard& inside) { return inside.budgets.size(); });
    }
    return size;
  }

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kSweepAtLeast = 64;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Shard {
    std::unordered_map<std::string, std::shared_ptr<Budget>, Hash, std::equal_to<>> budgets;
    std::size_t sweep_at = kSweepAtLeast;
  };

  static void sweep(Shard& shard, TimePoint now) {
    // Nobody can begin to hold a budget meanwhile: that takes this shard's lock.
    std::erase_if(shard.budgets,
                  [&](const auto& entry) { return entry.second.use_count() == 1 && entry.second->is_idle(now); });
    shard.sweep_at = std::max(kSweepAtLeast, shard.budgets.size() * 2);
  }

  std::array<Guarded<Shard>, kShards> shards_;
};

}  // namespace weir::limits

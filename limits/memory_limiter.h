// The limiter of one process: windows live here, a decision takes a lock and some tens of nanoseconds. Not shared
// between processes and empty after a restart.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/guarded.h"
#include "limits/rate_limiter.h"

namespace weir::limits {

// Budgets are kept by key id until nobody holds them and all they counted has left its window; the others are
// swept when a shard has doubled since its last sweep, so at most twice the live ones are ever kept.
// Thread-safe.
class MemoryLimiter final : public RateLimiter {
 public:
  // `clock` must outlive the limiter.
  explicit MemoryLimiter(const Clock& clock);
  ~MemoryLimiter() override;

  // Never blocks for longer than a shard's sweep.
  std::shared_ptr<KeyBudget> budget(std::string_view key_id) override;
  // Never blocks, never fails.
  Result<Decision> acquire(KeyBudget& budget, const Quota& quota, std::uint32_t cost) override;
  void refund(KeyBudget& budget, const Quota& quota, const Decision& decision, std::uint32_t cost) override;

  // Sweeps every shard now and frees the rings of idle windows that are still held.
  void evict_idle();
  // Budgets kept.
  [[nodiscard]] std::size_t size() const;
  // What one budget costs, itself included; for measuring.
  [[nodiscard]] static std::size_t bytes_of(const KeyBudget& budget);

 private:
  class Budget;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Shard {
    std::unordered_map<std::string, std::shared_ptr<Budget>, Hash, std::equal_to<>> budgets;
    std::size_t sweep_at = 64;
  };
  static constexpr std::size_t kShards = 16;

  static void sweep(Shard& shard, std::chrono::steady_clock::time_point now);
  UnixMillis wall_time(std::chrono::steady_clock::time_point now);

  const Clock& clock_;
  // Wall-clock time minus steady time, and until when it is believed: reading one clock a decision is enough.
  std::atomic<std::int64_t> wall_offset_ms_{0};
  std::atomic<std::int64_t> offset_read_at_ms_;
  std::array<Guarded<Shard>, kShards> shards_;
};

}  // namespace weir::limits

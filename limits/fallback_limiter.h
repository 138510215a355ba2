// What happens to decisions while the shared limiter (Redis) is away: this node decides alone, or refuses, or admits.
// A breaker, so that a Redis that hangs slows one call a worker and not all of them.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "limits/budget_registry.h"
#include "limits/rate_limiter.h"

namespace weir::limits {

// limits.on_redis_loss. The names are those of the configuration.
enum class OnRedisLoss : std::uint8_t {
  local,   // each node admits its share: the limit divided by the number of nodes, at least 1
  closed,  // nobody is admitted: unavailable
  open,    // everybody is admitted and nothing is counted
};
// "local" for OnRedisLoss::local.
std::string_view to_string(OnRedisLoss what);
// Nothing if `name` is none of the three.
std::optional<OnRedisLoss> on_redis_loss_from(std::string_view name);

// Not thread-safe: a value.
struct FallbackSettings {
  OnRedisLoss on_loss = OnRedisLoss::local;
  std::uint32_t nodes = 1;  // that share the limit; each knows only itself while Redis is away
  std::chrono::milliseconds probe_interval{1'000};
};

// The first decision that the shared limiter fails opens the breaker; from then on it is asked only by the probe, which
// spends a unit of a key of its own (so that a server that answers but refuses to write counts as away) and closes the
// breaker when that succeeds. Decisions made meanwhile say so (Decision::is_degraded). Windows are not carried over:
// at each change a key may have up to the other side's units in one window. Thread-safe.
class FallbackLimiter final : public RateLimiter {
 public:
  // All must outlive the limiter.
  FallbackLimiter(RateLimiter& shared, RateLimiter& local, const Clock& clock, FallbackSettings settings);
  ~FallbackLimiter() override;

  std::shared_ptr<KeyBudget> budget(std::string_view key_id) override;
  // Blocks up to the shared limiter's deadline, and never while degraded. Returns unavailable only while degraded with
  // OnRedisLoss::closed; with OnRedisLoss::open nothing is counted and everything remains.
  Result<Decision> acquire(KeyBudget& budget, const Quota& quota, std::uint32_t cost) override;
  // Never blocks where the shared limiter's does not.
  std::optional<Result<Decision>> acquire_or_call(const std::shared_ptr<KeyBudget>& budget, const Quota& quota,
                                                  std::uint32_t cost, Decided decided) override;
  void refund(KeyBudget& budget, const Quota& quota, const Decision& decision, std::uint32_t cost) override;

  [[nodiscard]] bool is_degraded() const { return is_loss(epoch_.load(std::memory_order_acquire)); }
  // How often the shared limiter went away since the start.
  [[nodiscard]] std::uint64_t losses() const { return (epoch_.load(std::memory_order_relaxed) + 1) / 2; }

 private:
  class Budget;

  static constexpr bool is_loss(std::uint64_t epoch) { return epoch % 2 == 1; }
  Result<Decision> decide_alone(Budget& budget, const Quota& quota, std::uint32_t cost);
  [[nodiscard]] Decision nothing_left(const Quota& quota) const;
  [[nodiscard]] Quota share_of(const Quota& quota) const;
  void lose(std::uint64_t epoch, const Error& why);
  void probe_until_back(const std::stop_token& stop);

  RateLimiter& shared_;
  RateLimiter& local_;
  const Clock& clock_;
  const FallbackSettings settings_;
  const std::shared_ptr<KeyBudget> probe_;
  // Grows by one at each change; odd while the shared limiter is away. A late failure of an earlier epoch is no news.
  std::atomic<std::uint64_t> epoch_{0};
  BudgetRegistry<Budget> budgets_;
  std::mutex mutex_;  // guards nothing but the sleep of the thread
  std::condition_variable_any changed_;
  std::jthread prober_;  // "limits-probe": waits for a loss, then asks each interval
};

}  // namespace weir::limits

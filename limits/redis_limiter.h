// The limiter of many processes: windows live in Redis, a decision is one round trip of one script (window.lua) on the
// server's clock. What to do while Redis is away is not decided here: see fallback_limiter.h.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "limits/budget_registry.h"
#include "limits/deny_cache.h"
#include "limits/rate_limiter.h"
#include "limits/redis_connection.h"

namespace weir::limits {

// A key's windows are the lists "weir:{key_id}:<policy>", which expire with their last unit. Times in a Decision are the
// server's distances from now, counted from our own clock: X-RateLimit-Reset is right on this machine even if the two
// clocks differ. A refused key costs no round trip until the refusal may change (DenyCache); a refund on another node
// is seen then. Thread-safe.
class RedisLimiter final : public RateLimiter {
 public:
  enum class ScriptClock : std::uint8_t {
    server,  // Redis's TIME: one clock for all nodes
    ours,    // for tests: `clock` is sent along, so that windows move with it
  };

  // Both must outlive the limiter.
  RedisLimiter(RedisConnection& connection, const Clock& clock, ScriptClock script_clock = ScriptClock::server);
  ~RedisLimiter() override;

  // Never blocks.
  std::shared_ptr<KeyBudget> budget(std::string_view key_id) override;
  // Blocks up to the connection's deadline. Returns unavailable if Redis did not decide: away, late, or an error such
  // as OOM, READONLY or LOADING.
  Result<Decision> acquire(KeyBudget& budget, const Quota& quota, std::uint32_t cost) override;
  // Never blocks while there is a connection; without one, as acquire().
  std::optional<Result<Decision>> acquire_or_call(const std::shared_ptr<KeyBudget>& budget, const Quota& quota,
                                                  std::uint32_t cost, Decided decided) override;
  void refund(KeyBudget& budget, const Quota& quota, const Decision& decision, std::uint32_t cost) override;

 private:
  class Budget;
  class Question;

  // The decision if no question is needed; else nothing, and `asked` is filled in.
  std::optional<Result<Decision>> known(Budget& budget, const Quota& quota, std::uint32_t cost,
                                        DenyCache::Asked& asked) const;
  Result<Decision> learn(Budget& budget, const Quota& quota, std::uint32_t cost, DenyCache::Asked asked,
                         Result<RedisReply> reply) const;
  Result<RedisReply> ask(const Budget& budget, const Quota& quota, std::uint32_t cost);

  [[nodiscard]] std::optional<std::int64_t> now_for_script() const;

  RedisConnection& connection_;
  const Clock& clock_;
  const ScriptClock script_clock_;
  BudgetRegistry<Budget> budgets_;
};

}  // namespace weir::limits

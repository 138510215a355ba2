// Where this server's windows live, as configured: in this process, or in a Redis that several servers share, with this
// process to fall back to. Owns everything that takes.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "limits/fallback_limiter.h"
#include "limits/memory_limiter.h"
#include "limits/redis_connection.h"
#include "limits/redis_limiter.h"
#include "limits/redis_settings.h"
#include "server/idle_eviction.h"

namespace weir::server {

// Thread-safe.
class LimiterBackend {
 public:
  // Without `redis`, windows live in this process. With it, blocks until the first connection is made or has failed, at
  // most a second: a Redis that is away is no reason not to start, the server begins degraded. `clock` must outlive it.
  LimiterBackend(std::optional<limits::RedisSettings> redis, const limits::FallbackSettings& on_loss,
                 const Clock& clock);

  ~LimiterBackend();
  LimiterBackend(const LimiterBackend&) = delete;
  LimiterBackend& operator=(const LimiterBackend&) = delete;

  // From now on idle keys give their memory back each minute. Both must outlive the backend.
  void evict_idle_with(TimerQueue& timers, Executor& executor);

  [[nodiscard]] limits::RateLimiter& limiter();
  [[nodiscard]] bool is_shared() const { return shared_.has_value(); }
  // False without Redis.
  [[nodiscard]] bool is_degraded() const { return shared_ && shared_->fallback.is_degraded(); }
  [[nodiscard]] std::uint64_t losses() const { return shared_ ? shared_->fallback.losses() : 0; }

 private:
  struct Shared {
    Shared(limits::RedisSettings settings, limits::RateLimiter& local, const limits::FallbackSettings& on_loss,
           const Clock& clock)
        : connection(std::move(settings)), limiter(connection, clock), fallback(limiter, local, clock, on_loss) {}
    // What the connection calls back are the two limiters.
    ~Shared() { connection.stop(); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

    limits::RedisConnection connection;
    limits::RedisLimiter limiter;
    limits::FallbackLimiter fallback;
  };

  const std::shared_ptr<limits::MemoryLimiter> local_;  // shared with an eviction that is under way
  std::optional<Shared> shared_;
  std::shared_ptr<IdleEviction> eviction_;
};

// For the doctor: connects, logs in and asks. Blocks up to two seconds. Returns unavailable with what Redis or the
// network said, never the password.
Result<void> ask_redis(const limits::RedisSettings& settings);

}  // namespace weir::server

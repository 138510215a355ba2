// What the work of one job may know and ask for while it runs.
#pragma once
#include <atomic>
#include <chrono>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "store/database.h"
#include "store/jobs_store.h"

namespace weir::jobs {

// Why the work should end early.
enum class StopReason : std::uint8_t { none, cancelled, deadline, lease_lost, shutdown };

// Not thread-safe: owned by the job's thread; the stop token may be passed on.
class JobContext {
 public:
  virtual ~JobContext() = default;
  [[nodiscard]] virtual const store::JobRow& job() const = 0;
  // 1 for the first try; more after a restart has taken the job up again.
  [[nodiscard]] virtual std::int64_t attempt() const = 0;
  // Requested for any StopReason.
  [[nodiscard]] virtual std::stop_token stop_token() const = 0;
  [[nodiscard]] virtual StopReason stop_reason() const = 0;
  // A write transaction that first proves that the lease is still ours, so that a process that lost it changes nothing.
  // Returns conflict if it is not.
  virtual Result<void> write(const std::function<Result<void>(store::Transaction&)>& body) = 0;
};

}  // namespace weir::jobs

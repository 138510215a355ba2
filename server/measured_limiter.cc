#include "server/measured_limiter.h"

#include <chrono>

namespace weir::server {

Result<limits::Decision> MeasuredLimiter::acquire(limits::KeyBudget& budget, const limits::Quota& quota,
                                                  std::uint32_t cost) {
  if (cost == 0) return inner_.acquire(budget, quota, cost);
  const auto begun = std::chrono::steady_clock::now();
  Result<limits::Decision> decision = inner_.acquire(budget, quota, cost);
  const auto took = std::chrono::steady_clock::now() - begun;
  Metrics::Outcome outcome = Metrics::Outcome::failed;
  if (decision) outcome = decision->is_allowed ? Metrics::Outcome::admitted : Metrics::Outcome::refused;
  metrics_.count_decision(quota.tier, outcome, took);
  return decision;
}

}  // namespace weir::server

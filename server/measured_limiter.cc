#include "server/measured_limiter.h"

#include <chrono>
#include <utility>

namespace weir::server {
namespace {

void count(Metrics& metrics, const limits::Quota& quota, const Result<limits::Decision>& decision,
           std::chrono::steady_clock::time_point begun) {
  Metrics::Outcome outcome = Metrics::Outcome::failed;
  if (decision) outcome = decision->is_allowed ? Metrics::Outcome::admitted : Metrics::Outcome::refused;
  metrics.count_decision(quota.tier, outcome, std::chrono::steady_clock::now() - begun);
}

}  // namespace

Result<limits::Decision> MeasuredLimiter::acquire(limits::KeyBudget& budget, const limits::Quota& quota,
                                                  std::uint32_t cost) {
  if (cost == 0) return inner_.acquire(budget, quota, cost);
  const auto begun = std::chrono::steady_clock::now();
  Result<limits::Decision> decision = inner_.acquire(budget, quota, cost);
  count(metrics_, quota, decision, begun);
  return decision;
}

std::optional<Result<limits::Decision>> MeasuredLimiter::acquire_or_call(
    const std::shared_ptr<limits::KeyBudget>& budget, const limits::Quota& quota, std::uint32_t cost, Decided decided) {
  if (cost == 0) return inner_.acquire_or_call(budget, quota, cost, std::move(decided));
  const auto begun = std::chrono::steady_clock::now();
  auto decision = inner_.acquire_or_call(
      budget, quota, cost,
      [&metrics = metrics_, &quota, begun, decided = std::move(decided)](Result<limits::Decision> late) {
        count(metrics, quota, late, begun);
        decided(std::move(late));
      });
  if (decision) count(metrics_, quota, *decision, begun);
  return decision;
}

}  // namespace weir::server

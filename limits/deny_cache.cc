#include "limits/deny_cache.h"

#include <algorithm>

namespace weir::limits {
namespace {

using std::chrono::milliseconds;

using Costs = InlineVector<std::uint32_t, kPoliciesMax>;

bool is_about(const Decision& decision, const Quota& quota) {
  return decision.tier == quota.tier &&
         std::equal(decision.states.begin(), decision.states.end(), quota.policies.begin(), quota.policies.end(),
                    [](const PolicyState& state, const Policy& policy) {
                      return state.limit == policy.limit && state.window == policy.window && state.name == policy.name;
                    });
}

bool is_for(const Costs& costs, const Quota& quota, std::uint32_t cost) {
  return std::equal(costs.begin(), costs.end(), quota.policies.begin(), quota.policies.end(),
                    [&](std::uint32_t units, const Policy& policy) { return units == policy.cost_of(cost); });
}

}  // namespace

std::optional<Decision> DenyCache::find(const Quota& quota, std::uint32_t cost, TimePoint now) const {
  const std::lock_guard lock(mutex_);
  if (!refusal_ || now >= refusal_->until) return std::nullopt;
  if (!is_for(refusal_->costs, quota, cost) || !is_about(refusal_->decision, quota)) return std::nullopt;
  Decision decision = refusal_->decision;
  const milliseconds elapsed = std::max(std::chrono::floor<milliseconds>(now - refusal_->answered_at), milliseconds{0});
  decision.decided_at += elapsed;
  decision.retry_after -= elapsed;
  for (PolicyState& state : decision.states) state.reset_at = std::max(state.reset_at, decision.decided_at);
  return decision;
}

std::uint64_t DenyCache::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

void DenyCache::remember(const Decision& refusal, const Quota& quota, std::uint32_t cost, const Asked& asked) {
  milliseconds holds = refusal.retry_after;
  Costs costs;
  for (const Policy& policy : quota.policies) {
    costs.push_back(policy.cost_of(cost));
    if (costs.back() > policy.limit) return;  // its delay is the whole window, however long ago it was told
  }
  for (const PolicyState& state : refusal.states) {
    if (state.reset_at > refusal.decided_at) holds = std::min(holds, state.reset_at - refusal.decided_at);
  }
  const std::lock_guard lock(mutex_);
  if (asked.version != version_) return;
  refusal_ = Refusal{refusal, std::move(costs), asked.at + holds, asked.answered_at};
}

void DenyCache::forget() {
  const std::lock_guard lock(mutex_);
  ++version_;
  refusal_.reset();
}

bool DenyCache::is_empty(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  return !refusal_ || now >= refusal_->until;
}

}  // namespace weir::limits

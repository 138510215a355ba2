#include "limits/deny_cache.h"

#include <algorithm>

namespace weir::limits {
namespace {

using std::chrono::milliseconds;

bool is_about(const Decision& decision, const Quota& quota) {
  return decision.tier == quota.tier &&
         std::equal(decision.states.begin(), decision.states.end(), quota.policies.begin(), quota.policies.end(),
                    [](const PolicyState& state, const Policy& policy) {
                      return state.limit == policy.limit && state.window == policy.window && state.name == policy.name;
                    });
}

}  // namespace

std::optional<Decision> DenyCache::find(const Quota& quota, std::uint32_t cost, TimePoint now) const {
  const std::lock_guard lock(mutex_);
  if (!refusal_ || refusal_->cost != cost || now >= refusal_->until) return std::nullopt;
  if (!is_about(refusal_->decision, quota)) return std::nullopt;
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

void DenyCache::remember(const Decision& refusal, std::uint32_t cost, const Asked& asked) {
  milliseconds holds = refusal.retry_after;
  for (const PolicyState& state : refusal.states) {
    if (cost > state.limit) return;  // its delay is the whole window, however long ago it was told
    if (state.reset_at > refusal.decided_at) holds = std::min(holds, state.reset_at - refusal.decided_at);
  }
  const std::lock_guard lock(mutex_);
  if (asked.version != version_) return;
  refusal_ = Refusal{refusal, cost, asked.at + holds, asked.answered_at};
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

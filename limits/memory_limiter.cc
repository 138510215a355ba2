#include "limits/memory_limiter.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "limits/window.h"

namespace weir::limits {
namespace {

using std::chrono::milliseconds;
using TimePoint = std::chrono::steady_clock::time_point;

// A machine whose wall clock is set shows the new time in X-RateLimit-Reset after at most this.
constexpr std::int64_t kOffsetBelievedMs = 100;
// A budget remembers at most this many policies by name: those of its tier, and those of the tier before.
constexpr std::size_t kSlotsMax = 2 * kPoliciesMax;
constexpr std::size_t kSweepAtLeast = 64;

// One policy's window. Not thread-safe: owned by a budget.
struct Slot {
  std::string policy;
  milliseconds length{0};
  Window window;
};

}  // namespace

// Thread-safe: whoever uses slots_ holds mutex_.
class MemoryLimiter::Budget final : public KeyBudget {
 public:
  [[nodiscard]] bool is_idle(Moment now) {
    const std::lock_guard lock(mutex_);
    return std::all_of(slots_.begin(), slots_.end(),
                       [&](const Slot& slot) { return slot.window.is_idle(now, slot.length); });
  }

  void free_idle_windows(Moment now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(slots_, [&](const Slot& slot) { return slot.window.is_idle(now, slot.length); });
  }

  // Fills in everything but the tier and the wall-clock times' base, `decision.decided_at`.
  void acquire(const Quota& quota, std::uint32_t cost, Moment now, Decision& decision) {
    const std::lock_guard lock(mutex_);
    std::int64_t stamp_ms = std::numeric_limits<std::int64_t>::min();
    for (std::size_t i = 0; i < quota.policies.size(); ++i) {
      const Policy& policy = quota.policies[i];
      Window& window = window_of(policy, i, now);
      window.expire(now, policy.window);
      const std::uint32_t units = policy.cost_of(cost);
      if (units == 0) continue;
      if (!window.has_room(units, policy.limit)) decision.is_allowed = false;
      stamp_ms = std::max(stamp_ms, window.next_stamp(now));
    }
    const bool is_spending = cost > 0 && decision.is_allowed;
    if (is_spending) decision.stamp_ms = stamp_ms;

    std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
    for (std::size_t i = 0; i < quota.policies.size(); ++i) {
      const Policy& policy = quota.policies[i];
      const std::uint32_t units = policy.cost_of(cost);
      Window& window = slots_[i].window;
      if (is_spending) window.spend(units, stamp_ms, policy.limit);
      const std::uint32_t remaining = window.remaining(policy.limit);
      if (decision.is_allowed) {
        if (policy.fixed_cost != 0U && remaining < least) {
          least = remaining;
          decision.tightest = i;
        }
      } else if (units > 0) {
        const milliseconds retry_in = window.retry_in(units, now, policy.limit, policy.window);
        if (retry_in > decision.retry_after) {
          decision.retry_after = retry_in;
          decision.tightest = i;
        }
      }
      decision.states.emplace_back(policy.name, policy.limit, policy.window, remaining,
                                   decision.decided_at + window.reset_in(now, policy.window));
    }
  }

  void refund(std::int64_t stamp_ms, std::uint32_t cost, const Quota& quota) {
    const std::lock_guard lock(mutex_);
    for (const Policy& policy : quota.policies) {
      const auto slot = find(policy.name);
      if (slot != slots_.end()) slot->window.refund(stamp_ms, policy.cost_of(cost));
    }
  }

  [[nodiscard]] std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    std::size_t bytes = sizeof(Budget) + slots_.capacity() * sizeof(Slot);
    for (const Slot& slot : slots_) bytes += slot.window.heap_bytes();
    return bytes;
  }

 private:
  std::vector<Slot>::iterator find(std::string_view policy) {
    return std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.policy == policy; });
  }

  // The policy's window, moved to place `index`: from the second call on it is there already.
  Window& window_of(const Policy& policy, std::size_t index, Moment now) {
    if (index < slots_.size() && slots_[index].policy == policy.name) {
      slots_[index].length = policy.window;
      return slots_[index].window;
    }
    auto slot = find(policy.name);
    if (slot == slots_.end()) {
      // Bounded whatever the configuration went through: the last place is the longest unused.
      if (slots_.size() >= kSlotsMax) {
        std::erase_if(
            slots_, [&](const Slot& each) { return &each >= &slots_[index] && each.window.is_idle(now, each.length); });
        if (slots_.size() >= kSlotsMax) slots_.pop_back();
      }
      slots_.push_back(Slot{policy.name, policy.window, {}});
      slot = std::prev(slots_.end());
    }
    CHECK(index < slots_.size(), "the places before this one are taken by the quota's earlier policies");
    std::iter_swap(slots_.begin() + static_cast<std::ptrdiff_t>(index), slot);
    slots_[index].length = policy.window;
    return slots_[index].window;
  }

  mutable std::mutex mutex_;
  std::vector<Slot> slots_;
};

MemoryLimiter::MemoryLimiter(const Clock& clock)
    : clock_(clock), offset_read_at_ms_(std::numeric_limits<std::int64_t>::min() / 2) {}

MemoryLimiter::~MemoryLimiter() = default;

std::shared_ptr<KeyBudget> MemoryLimiter::budget(std::string_view key_id) {
  const auto now = clock_.steady_now();
  return shards_[Hash{}(key_id) % kShards].with([&](Shard& shard) -> std::shared_ptr<KeyBudget> {
    const auto found = shard.budgets.find(key_id);
    if (found != shard.budgets.end()) return found->second;
    if (shard.budgets.size() >= shard.sweep_at) sweep(shard, now);
    return shard.budgets.emplace(std::string(key_id), std::make_shared<Budget>()).first->second;
  });
}

Result<Decision> MemoryLimiter::acquire(KeyBudget& budget, const Quota& quota, std::uint32_t cost) {
  CHECK(quota.policies.size() <= kPoliciesMax, "a quota has at most kPoliciesMax policies");
  const auto now = clock_.steady_now();
  Result<Decision> result{Decision{}};
  Decision& decision = *result;
  decision.tier = quota.tier;
  decision.decided_at = wall_time(now);
  decision.is_unlimited = quota.is_unlimited;
  if (!quota.is_unlimited) static_cast<Budget&>(budget).acquire(quota, cost, now, decision);
  return result;
}

void MemoryLimiter::refund(KeyBudget& budget, const Quota& quota, const Decision& decision, std::uint32_t cost) {
  if (!decision.is_allowed || decision.is_unlimited || cost == 0) return;
  static_cast<Budget&>(budget).refund(decision.stamp_ms, cost, quota);
}

void MemoryLimiter::evict_idle() {
  const auto now = clock_.steady_now();
  for (Guarded<Shard>& shard : shards_) {
    shard.with([&](Shard& inside) {
      sweep(inside, now);
      for (auto& [key_id, budget] : inside.budgets) budget->free_idle_windows(now);
    });
  }
}

std::size_t MemoryLimiter::size() const {
  std::size_t size = 0;
  for (const Guarded<Shard>& shard : shards_) {
    size += shard.with([](const Shard& inside) { return inside.budgets.size(); });
  }
  return size;
}

std::size_t MemoryLimiter::bytes_of(const KeyBudget& budget) { return static_cast<const Budget&>(budget).bytes(); }

void MemoryLimiter::sweep(Shard& shard, TimePoint now) {
  // Nobody can begin to hold a budget meanwhile: that takes this shard's lock. The budget's own lock is taken inside
  // it, here and nowhere the other way round.
  std::erase_if(shard.budgets,
                [&](const auto& entry) { return entry.second.use_count() == 1 && entry.second->is_idle(now); });
  shard.sweep_at = std::max(kSweepAtLeast, shard.budgets.size() * 2);
}

UnixMillis MemoryLimiter::wall_time(TimePoint now) {
  const std::int64_t now_ms = std::chrono::floor<milliseconds>(now.time_since_epoch()).count();
  const std::int64_t read_at_ms = offset_read_at_ms_.load(std::memory_order_acquire);
  if (now_ms < read_at_ms || now_ms - read_at_ms >= kOffsetBelievedMs) {
    // Several threads may do this at once; each stores a true value.
    wall_offset_ms_.store(to_unix_ms(clock_.now()) - now_ms, std::memory_order_relaxed);
    offset_read_at_ms_.store(now_ms, std::memory_order_release);
  }
  return from_unix_ms(now_ms + wall_offset_ms_.load(std::memory_order_relaxed));
}

}  // namespace weir::limits

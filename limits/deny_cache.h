// Remembers the last refusal of one key, so that a caller who loops costs the shared limiter nothing. What it repeats
// is what the limiter would say: a refusal is forgotten as soon as any part of it could have changed.
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "limits/quota.h"

namespace weir::limits {

// Thread-safe.
class DenyCache {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // The refusal as it reads at `now`, if one is remembered for this very quota and cost. Never blocks.
  [[nodiscard]] std::optional<Decision> find(const Quota& quota, std::uint32_t cost, TimePoint now) const;

  // Read it before asking the limiter and give it to remember(): a refusal that was under way while forget() ran is
  // not remembered.
  [[nodiscard]] std::uint64_t version() const;

  // When the limiter was asked and when it had answered: its own time lay between the two. So the refusal is repeated
  // until the earliest moment at which it may end, and tells a delay after which it has surely ended.
  struct Asked {
    TimePoint at;
    TimePoint answered_at;
    std::uint64_t version = 0;
  };
  // A refusal holds until the call would be admitted or a unit leaves one of the windows, whichever is first (for a
  // cost of one under one policy that is the same). A cost that no window can ever hold is not remembered.
  void remember(const Decision& refusal, const Quota& quota, std::uint32_t cost, const Asked& asked);
  // Units were spent or given back.
  void forget();
  [[nodiscard]] bool is_empty(TimePoint now) const;

 private:
  struct Refusal {
    Decision decision;
    InlineVector<std::uint32_t, kPoliciesMax> costs;  // what it would have spent, policy by policy
    TimePoint until;
    TimePoint answered_at;
  };

  mutable std::mutex mutex_;
  std::optional<Refusal> refusal_;
  std::uint64_t version_ = 0;
};

}  // namespace weir::limits

// Decides whether a call may proceed now. This is the seam between the rule (an exact sliding window) and the place
// where the windows live: this process, or Redis. Not for concurrency limits.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "limits/quota.h"

namespace weir::limits {

// What a limiter remembers about one key between calls. Hangs on the resolved API key, so that the hot path looks
// nothing up. Thread-safe. Shared by every holder of the key; the last of them lets go.
class KeyBudget {
 public:
  virtual ~KeyBudget() = default;
};

// Thread-safe.
class RateLimiter {
 public:
  virtual ~RateLimiter() = default;

  // The budget of a key; the same object for the same id as long as anybody holds it or units are still counted.
  virtual std::shared_ptr<KeyBudget> budget(std::string_view key_id) = 0;

  // Spends `cost` units of every policy, or none if one of them refuses: a refused call never delays a later one. Cost 0
  // is always allowed and only reports the state. A cost above a policy's limit is refused with the window as the
  // delay. Blocks up to the backend's deadline (memory: never blocks). Returns unavailable if the backend cannot answer;
  // the caller chooses what that means.
  virtual Result<Decision> acquire(KeyBudget& budget, const Quota& quota, std::uint32_t cost) = 0;

  using Decided = std::function<void(Result<Decision>)>;
  // As acquire(), without blocking: the decision if it can be made at once, else nothing, and then `decided` is called
  // once, from a thread of the limiter, where it must not block. `quota` must live until then. A backend that decides
  // in this process has nothing to wait for, so the default asks acquire().
  virtual std::optional<Result<Decision>> acquire_or_call(const std::shared_ptr<KeyBudget>& budget, const Quota& quota,
                                                          std::uint32_t cost, Decided /*decided*/) {
    return acquire(*budget, quota, cost);
  }

  // Gives back what `decision` spent (a call that failed inside Weir). Best effort. Never blocks.
  virtual void refund(KeyBudget& budget, const Quota& quota, const Decision& decision, std::uint32_t cost) = 0;
};

}  // namespace weir::limits

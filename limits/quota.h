// The vocabulary of the limiter: what a key may spend, and what one decision was.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "limits/inline_vector.h"

namespace weir::limits {

// A key has at most this many policies (the minute and the day today), so that a decision allocates nothing.
inline constexpr std::size_t kPoliciesMax = 4;

// "No more than `limit` units in any trailing `window`." Not thread-safe: a value.
struct Policy {
  std::string name = "minute";
  std::uint32_t limit = 0;
  std::chrono::milliseconds window{60'000};
  // What a call spends here in place of its own cost; 0: the policy is shown and not spent. A call of cost 0 spends
  // nothing anywhere.
  std::optional<std::uint32_t> fixed_cost{};

  [[nodiscard]] std::uint32_t cost_of(std::uint32_t call_cost) const {
    return call_cost == 0 ? 0 : fixed_cost.value_or(call_cost);
  }
};

// The daily quota's policy: spent only by calls that start a scan.
inline constexpr std::string_view kScansDay = "scans-day";

// Everything that one key must satisfy at once. Not thread-safe: a value.
struct Quota {
  std::string tier;                // "free", "pro", ..., shown to callers
  bool is_unlimited = false;       // admin: no policy applies
  std::vector<Policy> policies{};  // empty if unlimited; at most kPoliciesMax
};

// How one policy stands after a decision. Not thread-safe: a value.
struct PolicyState {
  std::string name;
  std::uint32_t limit = 0;
  std::chrono::milliseconds window{0};
  std::uint32_t remaining = 0;
  UnixMillis reset_at{};  // when the next unit becomes free; now if nothing is spent
};

// The answer to one call. Not thread-safe: a value.
struct Decision {
  bool is_allowed = true;
  bool is_unlimited = false;
  std::string tier;
  InlineVector<PolicyState, kPoliciesMax> states;  // in the order of the quota's policies; works like a std::vector
  std::size_t tightest = 0;  // index into states: the one shown in X-RateLimit-*, among those that calls
                             // of this kind spend
  std::chrono::milliseconds retry_after{0};  // on a refusal: when this very call would be admitted
  UnixMillis decided_at{};
  std::int64_t stamp_ms = 0;  // the limiter's own time of what was spent, for refund(); means nothing else
  bool is_degraded = false;   // this node decided alone: the shared limiter is away

  [[nodiscard]] const PolicyState* shown() const { return states.empty() ? nullptr : &states[tightest]; }
};

}  // namespace weir::limits

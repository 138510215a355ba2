// How much of one kind an account may have running at once: one rule for scans, runs and whatever else takes its time.
// Counts stored rows (store/leases.h), so that a restart forgets nothing and a crash leaks nothing.
#pragma once
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/leases.h"

namespace weir::tools {

// Not thread-safe: a value.
struct ConcurrencyRule {
  const store::LeaseTable& table;
  std::string_view noun;  // "scan"
  std::string_view tier;
  std::uint32_t at_once = 0;
  std::string_view what_to_do;                   // a sentence: how to wait for one, how to stop one
  std::chrono::milliseconds usual_time{15'000};  // until the account has work that ended
};

// Returns concurrency_limit if every place is taken: the message names what runs, and retry_after is when a place should be
// free, by how long the account's latest work took.
Result<void> check_concurrency(store::Transaction& transaction, std::string_view account_id,
                               const ConcurrencyRule& rule, UnixMillis now);

// How long until one more may start, if each lease ends after `usual` or, once that has passed, after half as long again;
// never later than its deadline, and at least a second. `leases` are at least `at_once`, which is at least 1. Pure.
std::chrono::milliseconds time_until_free(const std::vector<store::Lease>& leases, std::uint32_t at_once,
                                          std::chrono::milliseconds usual, UnixMillis now);

}  // namespace weir::tools

// Answers kept for repeated requests: per key, operation and client token for 24 hours (api.md section 1).
#pragma once
#include <optional>
#include <string>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

inline constexpr std::chrono::hours kIdempotencyKept{24};

// Not thread-safe: a value.
struct IdempotencyRow {
  std::string key_id;
  std::string operation;       // the tool's name
  std::string token;           // the caller's
  std::string request_sha256;  // of the arguments, to tell a repetition from a reuse
  Json answer;                 // null while the first request is in flight
  UnixMillis created_at{};
};

// False if there already is a row of that key, operation and token (younger than kIdempotencyKept).
Result<bool> begin_idempotent(Transaction& transaction, const IdempotencyRow& row);
Result<std::optional<IdempotencyRow>> find_idempotent(Transaction& transaction, std::string_view key_id,
                                                      std::string_view operation, std::string_view token);
Result<void> finish_idempotent(Transaction& transaction, const IdempotencyRow& row);
// The first request failed: the token may be used again.
Result<void> forget_idempotent(Transaction& transaction, std::string_view key_id, std::string_view operation,
                               std::string_view token);

// For the start of a server: requests that were in flight when the process before ended will never be answered, so their
// tokens may be used again.
Result<void> forget_idempotent_in_flight(Transaction& transaction);

}  // namespace weir::store

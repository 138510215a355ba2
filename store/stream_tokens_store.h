// Tokens with which browsers open event streams. What they mean: server/stream_tokens.h.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct StreamTokenRow {
  std::string hash;                 // SHA-256 of the token, in hex
  std::string key_id;               // whose rights it has
  std::vector<std::string> scopes;  // of that key when the token was made
  UnixMillis created_at{};
  UnixMillis expires_at{};  // opens no stream from then on
  UnixMillis ends_at{};     // expires_at is never moved beyond
};

// The newest of a key; when there are more, the oldest go.
inline constexpr std::int64_t kStreamTokensPerKeyMax = 100;

// Also forgets tokens that have expired by `created_at`.
Result<void> insert_stream_token(Transaction& transaction, const StreamTokenRow& token);
// Nothing if there is no such token, or none that is still good at `now`.
Result<std::optional<StreamTokenRow>> stream_token(Transaction& transaction, std::string_view hash, UnixMillis now);
// Moves expires_at to `at`, or to ends_at if that comes first.
Result<void> set_stream_token_expiry(Transaction& transaction, std::string_view hash, UnixMillis at);
// No token is good for longer than until `at`.
Result<void> shorten_stream_tokens(Transaction& transaction, UnixMillis at);

}  // namespace weir::store

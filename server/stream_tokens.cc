#include "server/stream_tokens.h"

#include "base/hmac.h"
#include "base/log.h"
#include "server/credentials.h"
#include "store/stream_tokens_store.h"

namespace weir::server {
namespace {

constexpr std::string_view kPrefix = "wst_";
constexpr std::size_t kRandomCharacters = 32;  // 190 bits

}  // namespace

Result<StreamTokens::Minted> StreamTokens::mint(const tools::Caller& caller) {
  const UnixMillis now = clock_.now();
  Minted minted{.token = std::string(kPrefix) + random_.base62(kRandomCharacters), .expires_at = now + kOpenTime};
  const store::StreamTokenRow row{.hash = to_hex(sha256(minted.token)),
                                  .key_id = caller.key_id,
                                  .scopes = caller.scopes.names(),
                                  .created_at = now,
                                  .expires_at = minted.expires_at,
                                  .ends_at = now + kLifeMax};
  const auto stored =
      database_.write([&](store::Transaction& transaction) { return store::insert_stream_token(transaction, row); });
  if (!stored) return stored.error();
  return minted;
}

Result<OpenedToken> StreamTokens::open(std::string_view token) {
  const std::string hash = to_hex(sha256(token));
  auto row = database_.write_for([&](store::Transaction& transaction) -> Result<std::optional<store::StreamTokenRow>> {
    auto found = store::stream_token(transaction, hash, clock_.now());
    if (!found || !*found) return found;
    auto kept = store::set_stream_token_expiry(transaction, hash, (*found)->ends_at);
    if (!kept) return std::move(kept).error();
    return found;
  });
  if (!row) return std::move(row).error();
  if (!*row) {
    return rejected_key_error(ErrorCode::unauthorized, "token",
                              "The stream token is unknown or has expired: it opens a stream for " +
                                  std::to_string(kOpenTime.count()) +
                                  " seconds after it was made, or after its stream was lost. Make another with POST "
                                  "/v1/stream-tokens.");
  }
  auto scopes = tools::Scopes::parse((*row)->scopes);
  return OpenedToken{.hash = hash, .key_id = (*row)->key_id, .scopes = scopes ? *scopes : tools::Scopes()};
}

void StreamTokens::closed(std::string_view hash) {
  const auto done = database_.write([&](store::Transaction& transaction) {
    return store::set_stream_token_expiry(transaction, hash, clock_.now() + kOpenTime);
  });
  if (!done) log::warning("stream_tokens.not_shortened", {{"cause", done.error().cause}});
}

Result<void> StreamTokens::begin() {
  return database_.write([&](store::Transaction& transaction) {
    return store::shorten_stream_tokens(transaction, clock_.now() + kOpenTime);
  });
}

}  // namespace weir::server

#include "store/stream_tokens_store.h"

#include "store/columns.h"

namespace weir::store {

Result<void> insert_stream_token(Transaction& transaction, const StreamTokenRow& token) {
  auto forgotten =
      transaction.execute("DELETE FROM stream_tokens WHERE expires_at <= :1", {time_value(token.created_at)});
  if (!forgotten) return std::move(forgotten).error();
  auto inserted = transaction.execute(
      "INSERT INTO stream_tokens (hash, key_id, scopes, created_at, expires_at, ends_at) VALUES (:1, :2, :3, :4, :5, "
      ":6)",
      {token.hash, token.key_id, list_value(token.scopes), time_value(token.created_at), time_value(token.expires_at),
       time_value(token.ends_at)});
  if (!inserted) return std::move(inserted).error();
  auto count = only_integer(transaction.query("SELECT COUNT(*) FROM stream_tokens WHERE key_id = :1", {token.key_id}));
  if (!count) return std::move(count).error();
  if (*count <= kStreamTokensPerKeyMax) return {};
  return done(transaction.execute(
      "DELETE FROM stream_tokens WHERE hash IN ("
      "SELECT hash FROM stream_tokens WHERE key_id = :1 AND hash <> :2 ORDER BY created_at, hash LIMIT :3)",
      {token.key_id, token.hash, *count - kStreamTokensPerKeyMax}));
}

Result<std::optional<StreamTokenRow>> stream_token(Transaction& transaction, std::string_view hash, UnixMillis now) {
  return first_row(transaction.query("SELECT hash, key_id, scopes, created_at, expires_at, ends_at FROM stream_tokens "
                                     "WHERE hash = :1 AND expires_at > :2",
                                     {text_value(hash), time_value(now)}),
                   [](const Row& row) {
                     return StreamTokenRow{.hash = row.text(0),
                                           .key_id = row.text(1),
                                           .scopes = texts_in(row, 2),
                                           .created_at = time_in(row, 3),
                                           .expires_at = time_in(row, 4),
                                           .ends_at = time_in(row, 5)};
                   });
}

Result<void> set_stream_token_expiry(Transaction& transaction, std::string_view hash, UnixMillis at) {
  return done(transaction.execute(
      "UPDATE stream_tokens SET expires_at = CASE WHEN ends_at < :1 THEN ends_at ELSE :2 END WHERE hash = :3",
      {time_value(at), time_value(at), text_value(hash)}));
}

Result<void> shorten_stream_tokens(Transaction& transaction, UnixMillis at) {
  return done(transaction.execute("UPDATE stream_tokens SET expires_at = :1 WHERE expires_at > :2",
                                  {time_value(at), time_value(at)}));
}

}  // namespace weir::store

#include "store/session_streams_store.h"

#include "store/columns.h"

namespace weir::store {

Result<void> insert_subscription(Transaction& transaction, std::string_view session_id, std::string_view uri) {
  auto others =
      only_integer(transaction.query("SELECT COUNT(*) FROM session_subscriptions WHERE session_id = :1 AND uri <> :2",
                                     {text_value(session_id), text_value(uri)}));
  if (!others) return std::move(others).error();
  if (*others >= kSubscriptionsPerSessionMax) {
    return Error(ErrorCode::conflict, "This session is subscribed to " + std::to_string(*others) +
                                          " resources, which is the most; unsubscribe from one first.");
  }
  return done(
      transaction.execute("INSERT INTO session_subscriptions (session_id, uri) VALUES (:1, :2) "
                          "ON CONFLICT (session_id, uri) DO NOTHING",
                          {text_value(session_id), text_value(uri)}));
}

Result<void> delete_subscription(Transaction& transaction, std::string_view session_id, std::string_view uri) {
  return done(transaction.execute("DELETE FROM session_subscriptions WHERE session_id = :1 AND uri = :2",
                                  {text_value(session_id), text_value(uri)}));
}

Result<std::vector<std::string>> subscriptions_of_session(Transaction& transaction, std::string_view session_id) {
  return each_row(transaction.query("SELECT uri FROM session_subscriptions WHERE session_id = :1 ORDER BY uri",
                                    {text_value(session_id)}),
                  [](const Row& row) { return row.text(0); });
}

Result<void> insert_session_call(Transaction& transaction, const SessionCallRow& call) {
  auto inserted = transaction.execute(
      "INSERT INTO session_calls (stream_id, session_id, request, answer, created_at) VALUES (:1, :2, :3, :4, :5)",
      {call.stream_id, call.session_id, to_text(call.request), call.answer ? json_value(*call.answer) : Value(nullptr),
       time_value(call.created_at)});
  if (!inserted) return std::move(inserted).error();
  auto kept =
      only_integer(transaction.query("SELECT COUNT(*) FROM session_calls WHERE session_id = :1", {call.session_id}));
  if (!kept) return std::move(kept).error();
  if (*kept <= kStreamedCallsPerSessionMax) return {};
  return done(transaction.execute(
      "DELETE FROM session_calls WHERE stream_id IN (SELECT stream_id FROM session_calls WHERE session_id = :1 "
      "AND stream_id <> :2 ORDER BY created_at, stream_id LIMIT :3)",
      {call.session_id, call.stream_id, *kept - kStreamedCallsPerSessionMax}));
}

Result<void> answer_session_call(Transaction& transaction, std::string_view stream_id, const Json& answer) {
  return done(transaction.execute("UPDATE session_calls SET answer = :1 WHERE stream_id = :2",
                                  {json_value(answer), text_value(stream_id)}));
}

Result<void> delete_session_call(Transaction& transaction, std::string_view stream_id) {
  return done(transaction.execute("DELETE FROM session_calls WHERE stream_id = :1", {text_value(stream_id)}));
}

Result<std::optional<SessionCallRow>> session_call(Transaction& transaction, std::string_view session_id,
                                                   std::string_view stream_id) {
  return first_row(transaction.query("SELECT stream_id, session_id, request, answer, created_at FROM session_calls "
                                     "WHERE stream_id = :1 AND session_id = :2",
                                     {text_value(stream_id), text_value(session_id)}),
                   [](const Row& row) {
                     return SessionCallRow{.stream_id = row.text(0),
                                           .session_id = row.text(1),
                                           .request = row.json(2),
                                           .answer = row.is_null(3) ? std::nullopt : std::optional<Json>(row.json(3)),
                                           .created_at = time_in(row, 4)};
                   });
}

Result<std::int64_t> delete_session_calls_before(Transaction& transaction, UnixMillis before) {
  return transaction.execute("DELETE FROM session_calls WHERE created_at < :1", {time_value(before)});
}

}  // namespace weir::store

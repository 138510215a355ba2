#include "store/sessions_store.h"

#include "store/columns.h"

namespace weir::store {
namespace {

SessionRow session_from(const Row& row) {
  return {.id = row.text(0),
          .account_id = row.text(1),
          .key_id = row.text(2),
          .protocol_version = row.text(3),
          .client_info = row.json(4),
          .client_capabilities = row.json(5),
          .log_level = row.text(8),
          .created_at = time_in(row, 6),
          .last_used_at = time_in(row, 7)};
}

constexpr std::string_view kNoSession = "there is no such session, or it has ended: initialize a new one";

}  // namespace

Result<void> insert_session(Transaction& transaction, const SessionRow& session) {
  auto inserted = transaction.execute(
      "INSERT INTO sessions (id, account_id, key_id, protocol_version, client_info, client_capabilities, created_at, "
      "last_used_at) VALUES (:1, :2, :3, :4, :5, :6, :7, :8)",
      {session.id, session.account_id, session.key_id, session.protocol_version, to_text(session.client_info),
       to_text(session.client_capabilities), time_value(session.created_at), time_value(session.last_used_at)});
  if (!inserted) return std::move(inserted).error();
  auto open = only_integer(transaction.query("SELECT COUNT(*) FROM sessions WHERE key_id = :1", {session.key_id}));
  if (!open) return std::move(open).error();
  if (*open <= kSessionsPerKeyMax) return {};
  return done(
      transaction.execute("DELETE FROM sessions WHERE id IN ("
                          "SELECT id FROM sessions WHERE key_id = :1 AND id <> :2 ORDER BY created_at, id LIMIT :3)",
                          {session.key_id, session.id, *open - kSessionsPerKeyMax}));
}

Result<SessionRow> session_by_id(Transaction& transaction, std::string_view id) {
  return only_row(
      transaction.query("SELECT id, account_id, key_id, protocol_version, client_info, "
                        "client_capabilities, created_at, last_used_at, log_level FROM sessions WHERE id = :1",
                        {text_value(id)}),
      session_from, kNoSession);
}

Result<void> touch_session(Transaction& transaction, std::string_view id, UnixMillis used_at) {
  return changed_one(
      transaction.execute("UPDATE sessions SET last_used_at = :1 WHERE id = :2", {time_value(used_at), text_value(id)}),
      kNoSession);
}

Result<void> set_session_log_level(Transaction& transaction, std::string_view id, std::string_view level) {
  return changed_one(
      transaction.execute("UPDATE sessions SET log_level = :1 WHERE id = :2", {text_value(level), text_value(id)}),
      kNoSession);
}

Result<bool> delete_session(Transaction& transaction, std::string_view id) {
  return changed_any(transaction.execute("DELETE FROM sessions WHERE id = :1", {text_value(id)}));
}

Result<std::int64_t> delete_sessions_unused_since(Transaction& transaction, UnixMillis since) {
  return transaction.execute("DELETE FROM sessions WHERE last_used_at < :1", {time_value(since)});
}

}  // namespace weir::store

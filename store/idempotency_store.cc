#include "store/idempotency_store.h"

#include "store/columns.h"

namespace weir::store {
namespace {

IdempotencyRow idempotency_from(const Row& row) {
  return {.key_id = row.text(0),
          .operation = row.text(1),
          .token = row.text(2),
          .request_sha256 = row.text(3),
          .answer = row.json(4),
          .created_at = time_in(row, 5)};
}

}  // namespace

Result<bool> begin_idempotent(Transaction& transaction, const IdempotencyRow& row) {
  // Every key's expired rows, so that the table stays as small as a day's requests.
  auto expired = transaction.execute("DELETE FROM idempotency WHERE created_at <= :1",
                                     {time_value(row.created_at - kIdempotencyKept)});
  if (!expired) return std::move(expired).error();
  return changed_any(transaction.execute(
      "INSERT INTO idempotency (key_id, operation, token, request_sha256, answer, created_at) "
      "VALUES (:1, :2, :3, :4, :5, :6) ON CONFLICT (key_id, operation, token) DO NOTHING",
      {row.key_id, row.operation, row.token, row.request_sha256, json_value(row.answer), time_value(row.created_at)}));
}

Result<std::optional<IdempotencyRow>> find_idempotent(Transaction& transaction, std::string_view key_id,
                                                      std::string_view operation, std::string_view token) {
  return first_row(transaction.query("SELECT key_id, operation, token, request_sha256, answer, created_at "
                                     "FROM idempotency WHERE key_id = :1 AND operation = :2 AND token = :3",
                                     {text_value(key_id), text_value(operation), text_value(token)}),
                   idempotency_from);
}

Result<void> finish_idempotent(Transaction& transaction, const IdempotencyRow& row) {
  return changed_one(
      transaction.execute("UPDATE idempotency SET answer = :1 WHERE key_id = :2 AND operation = :3 AND token = :4",
                          {json_value(row.answer), row.key_id, row.operation, row.token}),
      "there is no request with this token to finish");
}

Result<void> forget_idempotent(Transaction& transaction, std::string_view key_id, std::string_view operation,
                               std::string_view token) {
  return done(transaction.execute("DELETE FROM idempotency WHERE key_id = :1 AND operation = :2 AND token = :3",
                                  {text_value(key_id), text_value(operation), text_value(token)}));
}

Result<void> forget_idempotent_in_flight(Transaction& transaction) {
  return done(transaction.execute("DELETE FROM idempotency WHERE answer IS NULL"));
}

}  // namespace weir::store

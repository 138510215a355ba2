#include "store/deliveries_store.h"

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

constexpr std::string_view kMissing = "there is no such delivery";
constexpr std::string_view kSummaryColumns =
    "id, webhook_id, account_id, message_id, event_type, resource_id, cause, state, attempts, round_attempts, due_at, "
    "last_status, last_error, created_at, finished_at";

DeliveryRow summary_from(const Row& row) {
  DeliveryRow delivery;
  delivery.id = row.text(0);
  delivery.webhook_id = row.text(1);
  delivery.account_id = row.text(2);
  delivery.message_id = row.text(3);
  delivery.event_type = row.text(4);
  delivery.resource_id = row.text(5);
  delivery.cause = row.text(6);
  delivery.state = row.text(7);
  delivery.attempts = row.integer(8);
  delivery.round_attempts = row.integer(9);
  delivery.due_at = optional_time_in(row, 10);
  delivery.last_status = row.optional_integer(11);
  delivery.last_error = row.text(12);
  delivery.created_at = time_in(row, 13);
  delivery.finished_at = optional_time_in(row, 14);
  return delivery;
}
DeliveryRow delivery_from(const Row& row) {
  DeliveryRow delivery = summary_from(row);
  delivery.body = row.text(15);
  return delivery;
}

std::string select(std::string_view more_columns, std::string_view after) {
  return std::string("SELECT ").append(kSummaryColumns).append(more_columns).append(after);
}

}  // namespace

Result<bool> insert_delivery(Transaction& transaction, const DeliveryRow& delivery) {
  return changed_any(transaction.execute(
      "INSERT INTO webhook_deliveries (id, webhook_id, account_id, message_id, event_type, resource_id, cause, body, "
      "state, "
      "attempts, round_attempts, due_at, last_status, last_error, created_at, finished_at) "
      "VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15, :16) "
      "ON CONFLICT (webhook_id, message_id) DO NOTHING",
      {delivery.id, delivery.webhook_id, delivery.account_id, delivery.message_id, delivery.event_type,
       delivery.resource_id, delivery.cause, delivery.body, delivery.state, delivery.attempts, delivery.round_attempts,
       time_value(delivery.due_at), optional_value(delivery.last_status), delivery.last_error,
       time_value(delivery.created_at), time_value(delivery.finished_at)}));
}

Result<DeliveryRow> delivery_by_id(Transaction& transaction, std::string_view account_id, std::string_view id) {
  return only_row(transaction.query(select(", body", " FROM webhook_deliveries WHERE id = :1 AND account_id = :2"),
                                    {text_value(id), text_value(account_id)}),
                  delivery_from, kMissing);
}

Result<Page<DeliveryRow>> list_deliveries(Transaction& transaction, const DeliveryFilter& filter,
                                          const PageRequest& page) {
  SqlText sql(select("", " FROM webhook_deliveries"));
  sql.add(" WHERE webhook_id = ", filter.webhook_id);
  if (!filter.state.empty()) sql.add(" AND state = ", filter.state);
  if (!page.after_id.empty()) sql.add(" AND id < ", page.after_id);
  sql.add(" ORDER BY id DESC LIMIT ", page_limit(page) + 1);
  auto items = each_row(std::move(sql).query(transaction), summary_from);
  if (!items) return std::move(items).error();
  return page_of(*std::move(items), page_limit(page), [](const DeliveryRow& delivery) { return delivery.id; });
}

Result<std::vector<AttemptRow>> attempts_of(Transaction& transaction, std::string_view delivery_id) {
  return each_row(
      transaction.query("SELECT position, started_at, duration_ms, status, error, response_head, response_body "
                        "FROM webhook_attempts WHERE delivery_id = :1 ORDER BY position",
                        {text_value(delivery_id)}),
      [](const Row& row) {
        return AttemptRow{.position = row.integer(0),
                          .started_at = time_in(row, 1),
                          .duration_ms = row.integer(2),
                          .status = row.optional_integer(3),
                          .error = row.text(4),
                          .response_head = row.text(5),
                          .response_body = row.text(6)};
      });
}

Result<std::vector<DeliveryRow>> due_deliveries(Transaction& transaction, std::string_view webhook_id, UnixMillis now,
                                                std::int64_t limit) {
  return each_row(transaction.query(select(", body",
                                           " FROM webhook_deliveries WHERE webhook_id = :1 AND due_at IS NOT NULL "
                                           "AND due_at <= :2 ORDER BY due_at, id LIMIT :3"),
                                    {text_value(webhook_id), time_value(now), limit}),
                  delivery_from);
}

Result<void> insert_attempt(Transaction& transaction, std::string_view delivery_id, const AttemptRow& attempt) {
  return done(transaction.execute(
      "INSERT INTO webhook_attempts (delivery_id, position, started_at, duration_ms, status, "
      "error, response_head, response_body) VALUES (:1, :2, :3, :4, :5, :6, :7, :8) "
      "ON CONFLICT (delivery_id, position) DO NOTHING",
      {text_value(delivery_id), attempt.position, time_value(attempt.started_at), attempt.duration_ms,
       optional_value(attempt.status), attempt.error, attempt.response_head, attempt.response_body}));
}

Result<void> settle_delivery(Transaction& transaction, const DeliveryRow& delivery) {
  return done(transaction.execute(
      "UPDATE webhook_deliveries SET state = :1, attempts = :2, round_attempts = :3, due_at = :4, last_status = :5, "
      "last_error = :6, finished_at = :7 WHERE id = :8 AND state = 'pending'",
      {delivery.state, delivery.attempts, delivery.round_attempts, time_value(delivery.due_at),
       optional_value(delivery.last_status), delivery.last_error, time_value(delivery.finished_at), delivery.id}));
}

Result<void> queue_delivery_again(Transaction& transaction, std::string_view id, UnixMillis now) {
  return changed_one(
      transaction.execute("UPDATE webhook_deliveries SET state = 'pending', round_attempts = 0, due_at = :1, "
                          "finished_at = NULL WHERE id = :2",
                          {time_value(now), text_value(id)}),
      kMissing);
}

Result<void> fail_pending_deliveries(Transaction& transaction, std::string_view webhook_id, std::string_view why,
                                     UnixMillis now) {
  return done(
      transaction.execute("UPDATE webhook_deliveries SET state = 'failed', due_at = NULL, last_error = :1, "
                          "finished_at = :2 WHERE webhook_id = :3 AND due_at IS NOT NULL",
                          {text_value(why), time_value(now), text_value(webhook_id)}));
}

Result<std::int64_t> queue_range_again(Transaction& transaction, const DeliveryRange& range, UnixMillis now,
                                       std::int64_t limit) {
  SqlText sql("UPDATE webhook_deliveries SET state = 'pending', round_attempts = 0, finished_at = NULL");
  sql.add(", due_at = ", time_value(now));
  sql.add(" WHERE id IN (SELECT id FROM webhook_deliveries WHERE webhook_id = ", range.webhook_id);
  sql.add(" AND created_at >= ", time_value(range.from)).add(" AND created_at < ", time_value(range.until));
  sql.add(range.states == DeliveryRange::States::failed ? " AND state = 'failed'" : " AND state <> 'pending'");
  sql.add(" AND cause <> 'test' ORDER BY id LIMIT ", limit, ")");
  return std::move(sql).execute(transaction);
}

Result<std::int64_t> trim_deliveries(Transaction& transaction, UnixMillis before, std::int64_t limit) {
  auto ids = each_row(transaction.query("SELECT id FROM webhook_deliveries WHERE finished_at IS NOT NULL "
                                        "AND finished_at < :1 ORDER BY finished_at LIMIT :2",
                                        {time_value(before), limit}),
                      [](const Row& row) { return row.text(0); });
  if (!ids) return std::move(ids).error();
  for (const std::string& id : *ids) {
    auto attempts = transaction.execute("DELETE FROM webhook_attempts WHERE delivery_id = :1", {id});
    if (!attempts) return std::move(attempts).error();
    auto delivery = transaction.execute("DELETE FROM webhook_deliveries WHERE id = :1", {id});
    if (!delivery) return std::move(delivery).error();
  }
  return static_cast<std::int64_t>(ids->size());
}

Result<void> forget_deleted_webhooks(Transaction& transaction) {
  return done(
      transaction.execute("DELETE FROM webhooks WHERE deleted_at IS NOT NULL AND NOT EXISTS ("
                          "SELECT 1 FROM webhook_deliveries WHERE webhook_id = webhooks.id)"));
}

}  // namespace weir::store

#include "store/webhooks_store.h"

#include "store/columns.h"

namespace weir::store {
namespace {

constexpr std::string_view kColumns =
    "id, account_id, created_by_key, url, description, events, is_enabled, disabled_reason, disabled_at, "
    "sealed_secret, "
    "sealed_previous_secret, previous_until, failures_in_row, failing_since, last_success_at, paused_until, "
    "created_at, "
    "updated_at";
constexpr std::string_view kMissing = "there is no such webhook";

WebhookRow webhook_from(const Row& row) {
  return {.id = row.text(0),
          .account_id = row.text(1),
          .created_by_key = row.text(2),
          .url = row.text(3),
          .description = row.text(4),
          .events = texts_in(row, 5),
          .is_enabled = row.integer(6) != 0,
          .disabled_reason = row.text(7),
          .disabled_at = optional_time_in(row, 8),
          .sealed_secret = row.text(9),
          .sealed_previous_secret = row.text(10),
          .previous_until = optional_time_in(row, 11),
          .health = {.failures_in_row = row.integer(12),
                     .failing_since = optional_time_in(row, 13),
                     .last_success_at = optional_time_in(row, 14),
                     .paused_until = time_in(row, 15)},
          .created_at = time_in(row, 16),
          .updated_at = time_in(row, 17)};
}

std::string with_columns(std::string_view before, std::string_view after) {
  return std::string(before).append(kColumns).append(after);
}

}  // namespace

Result<void> insert_webhook(Transaction& transaction, const WebhookRow& webhook) {
  return done(transaction.execute(
      with_columns(
          "INSERT INTO webhooks (",
          ", lease_owner, lease_until) VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15, "
          ":16, :17, :18, '', 0)"),
      {webhook.id, webhook.account_id, webhook.created_by_key, webhook.url, webhook.description,
       list_value(webhook.events), flag_value(webhook.is_enabled), webhook.disabled_reason,
       time_value(webhook.disabled_at), webhook.sealed_secret, webhook.sealed_previous_secret,
       time_value(webhook.previous_until), webhook.health.failures_in_row, time_value(webhook.health.failing_since),
       time_value(webhook.health.last_success_at), time_value(webhook.health.paused_until),
       time_value(webhook.created_at), time_value(webhook.updated_at)}));
}

Result<WebhookRow> webhook_by_id(Transaction& transaction, std::string_view account_id, std::string_view id) {
  return only_row(transaction.query(with_columns("SELECT ",
                                                 " FROM webhooks WHERE id = :1 AND account_id = :2 "
                                                 "AND deleted_at IS NULL"),
                                    {text_value(id), text_value(account_id)}),
                  webhook_from, kMissing);
}

Result<Page<WebhookRow>> list_webhooks(Transaction& transaction, std::string_view account_id, const PageRequest& page) {
  const bool is_first = page.after_id.empty();
  auto rows = transaction.query(
      with_columns("SELECT ",
                   is_first ? " FROM webhooks WHERE account_id = :1 AND deleted_at IS NULL ORDER BY id DESC LIMIT :2"
                            : " FROM webhooks WHERE account_id = :1 AND deleted_at IS NULL AND id < :3 "
                              "ORDER BY id DESC LIMIT :2"),
      is_first ? std::vector<Value>{text_value(account_id), page_limit(page) + 1}
               : std::vector<Value>{text_value(account_id), page_limit(page) + 1, page.after_id});
  auto items = each_row(std::move(rows), webhook_from);
  if (!items) return std::move(items).error();
  return page_of(*std::move(items), page_limit(page), [](const WebhookRow& webhook) { return webhook.id; });
}

Result<std::int64_t> count_webhooks(Transaction& transaction, std::string_view account_id) {
  return only_integer(transaction.query("SELECT COUNT(*) FROM webhooks WHERE account_id = :1 AND deleted_at IS NULL",
                                        {text_value(account_id)}));
}

Result<std::vector<std::string>> accounts_with_webhooks(Transaction& transaction) {
  return each_row(transaction.query("SELECT DISTINCT account_id FROM webhooks WHERE deleted_at IS NULL"),
                  [](const Row& row) { return row.text(0); });
}

Result<void> update_webhook(Transaction& transaction, const WebhookRow& webhook) {
  return changed_one(transaction.execute("UPDATE webhooks SET url = :1, description = :2, events = :3, updated_at = :4 "
                                         "WHERE id = :5",
                                         {webhook.url, webhook.description, list_value(webhook.events),
                                          time_value(webhook.updated_at), webhook.id}),
                     kMissing);
}

Result<void> update_webhook_secrets(Transaction& transaction, const WebhookRow& webhook) {
  return changed_one(
      transaction.execute("UPDATE webhooks SET sealed_secret = :1, sealed_previous_secret = :2, "
                          "previous_until = :3, updated_at = :4 WHERE id = :5",
                          {webhook.sealed_secret, webhook.sealed_previous_secret, time_value(webhook.previous_until),
                           time_value(webhook.updated_at), webhook.id}),
      kMissing);
}

Result<void> enable_webhook(Transaction& transaction, std::string_view id, UnixMillis now) {
  return changed_one(
      transaction.execute(
          "UPDATE webhooks SET is_enabled = 1, disabled_reason = '', disabled_at = NULL, failures_in_row = 0, "
          "failing_since = NULL, paused_until = 0, updated_at = :1 WHERE id = :2",
          {time_value(now), text_value(id)}),
      kMissing);
}

Result<void> disable_webhook(Transaction& transaction, std::string_view id, std::string_view reason, UnixMillis now) {
  return changed_one(
      transaction.execute("UPDATE webhooks SET is_enabled = 0, disabled_reason = :1, disabled_at = :2, "
                          "due_at = NULL, lease_owner = '', lease_until = 0, updated_at = :2 WHERE id = :3",
                          {text_value(reason), time_value(now), text_value(id)}),
      kMissing);
}

Result<void> delete_webhook(Transaction& transaction, std::string_view id, UnixMillis now) {
  return changed_one(
      transaction.execute(
          "UPDATE webhooks SET deleted_at = :1, is_enabled = 0, due_at = NULL, lease_owner = '', "
          "lease_until = 0, sealed_secret = '', sealed_previous_secret = '', updated_at = :1 WHERE id = :2",
          {time_value(now), text_value(id)}),
      kMissing);
}

Result<std::vector<WebhookFilter>> enabled_webhooks(Transaction& transaction, std::string_view account_id) {
  return each_row(
      transaction.query("SELECT id, events FROM webhooks WHERE account_id = :1 AND is_enabled = 1 ORDER BY id",
                        {text_value(account_id)}),
      [](const Row& row) { return WebhookFilter{.id = row.text(0), .events = texts_in(row, 1)}; });
}

Result<void> bring_webhook_forward(Transaction& transaction, std::string_view id, UnixMillis due) {
  return done(transaction.execute(
      "UPDATE webhooks SET due_at = :1 WHERE id = :2 AND is_enabled = 1 AND (due_at IS NULL OR due_at > :1)",
      {time_value(due), text_value(id)}));
}

Result<void> end_webhook_pause(Transaction& transaction, std::string_view id) {
  return done(transaction.execute("UPDATE webhooks SET paused_until = 0 WHERE id = :1", {text_value(id)}));
}

Result<std::vector<WebhookRow>> claim_webhooks(Transaction& transaction, std::string_view owner, UnixMillis now,
                                               UnixMillis lease_until, std::int64_t limit) {
  return each_row(
      transaction.query(
          with_columns("UPDATE webhooks SET lease_owner = :1, lease_until = :2 WHERE id IN ("
                       "SELECT id FROM webhooks WHERE due_at IS NOT NULL AND due_at <= :3 AND is_enabled = 1 "
                       "AND paused_until <= :3 AND lease_until <= :3 ORDER BY due_at, id LIMIT :4) RETURNING ",
                       ""),
          {text_value(owner), time_value(lease_until), time_value(now), limit}),
      webhook_from);
}

Result<std::optional<WebhookRow>> renew_webhook(Transaction& transaction, std::string_view id, std::string_view owner,
                                                UnixMillis lease_until) {
  return first_row(
      transaction.query(with_columns("UPDATE webhooks SET lease_until = :1 WHERE id = :2 AND lease_owner = :3 "
                                     "AND is_enabled = 1 RETURNING ",
                                     ""),
                        {time_value(lease_until), text_value(id), text_value(owner)}),
      webhook_from);
}

Result<void> release_webhook(Transaction& transaction, std::string_view id, std::string_view owner) {
  return done(transaction.execute(
      "UPDATE webhooks SET lease_owner = '', lease_until = 0, due_at = (SELECT MIN(due_at) FROM webhook_deliveries "
      "WHERE webhook_id = :1 AND due_at IS NOT NULL) WHERE id = :1 AND lease_owner = :2 AND is_enabled = 1",
      {text_value(id), text_value(owner)}));
}

Result<void> update_webhook_health(Transaction& transaction, std::string_view id, const WebhookHealth& health) {
  return done(
      transaction.execute("UPDATE webhooks SET failures_in_row = :1, failing_since = :2, last_success_at = :3, "
                          "paused_until = :4 WHERE id = :5",
                          {health.failures_in_row, time_value(health.failing_since), time_value(health.last_success_at),
                           time_value(health.paused_until), text_value(id)}));
}

Result<void> end_webhook_leases(Transaction& transaction) {
  return done(transaction.execute("UPDATE webhooks SET lease_owner = '', lease_until = 0 WHERE lease_until > 0"));
}

Result<std::optional<UnixMillis>> next_webhook_due(Transaction& transaction) {
  auto row = transaction.query(
      "SELECT MIN(CASE WHEN paused_until > due_at AND paused_until > lease_until THEN paused_until "
      "WHEN lease_until > due_at THEN lease_until ELSE due_at END) "
      "FROM webhooks WHERE due_at IS NOT NULL AND is_enabled = 1");
  if (!row) return std::move(row).error();
  return optional_time_in(row->front(), 0);
}

}  // namespace weir::store

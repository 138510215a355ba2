// Webhook endpoints: where an account wants its events sent, how each receiver is doing, and which sender owns it now.
// Secrets arrive sealed (base/sealer) and leave sealed. What is sent is in deliveries_store.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// How a receiver is doing. Not thread-safe: a value.
struct WebhookHealth {
  std::int64_t failures_in_row = 0;
  std::optional<UnixMillis> failing_since;  // the first failure since the last success
  std::optional<UnixMillis> last_success_at;
  UnixMillis paused_until{};  // nothing is sent before
};

// Not thread-safe: a value.
struct WebhookRow {
  std::string id;
  std::string account_id;
  std::string created_by_key;
  std::string url;
  std::string description;
  std::vector<std::string> events;  // patterns
  bool is_enabled = true;
  std::string disabled_reason;  // "" requested gone failing
  std::optional<UnixMillis> disabled_at;
  std::string sealed_secret;
  std::string sealed_previous_secret;        // "" without a rotation
  std::optional<UnixMillis> previous_until;  // the previous secret signs until then
  WebhookHealth health;
  UnixMillis created_at{};
  UnixMillis updated_at{};
};

Result<void> insert_webhook(Transaction& transaction, const WebhookRow& webhook);
// Returns not_found if it does not exist, is another account's or was deleted.
Result<WebhookRow> webhook_by_id(Transaction& transaction, std::string_view account_id, std::string_view id);
Result<Page<WebhookRow>> list_webhooks(Transaction& transaction, std::string_view account_id, const PageRequest& page);
Result<std::int64_t> count_webhooks(Transaction& transaction, std::string_view account_id);
// Whether any account has one; ids of those that have.
Result<std::vector<std::string>> accounts_with_webhooks(Transaction& transaction);
// The URL, description and events of `webhook`.
Result<void> update_webhook(Transaction& transaction, const WebhookRow& webhook);
// The two secrets and the end of the overlap.
Result<void> update_webhook_secrets(Transaction& transaction, const WebhookRow& webhook);
Result<void> enable_webhook(Transaction& transaction, std::string_view id, UnixMillis now);
// Nothing is sent to it any more; its pending deliveries are the caller's to end.
Result<void> disable_webhook(Transaction& transaction, std::string_view id, std::string_view reason, UnixMillis now);
// Its secrets are erased; its delivery log stays until it is old.
Result<void> delete_webhook(Transaction& transaction, std::string_view id, UnixMillis now);

// Endpoints that receive events of an account. Not thread-safe: a value.
struct WebhookFilter {
  std::string id;
  std::vector<std::string> events;
};
Result<std::vector<WebhookFilter>> enabled_webhooks(Transaction& transaction, std::string_view account_id);

// Something is due for this endpoint at `due` at the latest.
Result<void> bring_webhook_forward(Transaction& transaction, std::string_view id, UnixMillis due);
// The receiver's failures are forgotten: it is tried again at once.
Result<void> end_webhook_pause(Transaction& transaction, std::string_view id);

// Endpoints with something due, free or with a lease that has ended, become `owner`'s; at most `limit`.
Result<std::vector<WebhookRow>> claim_webhooks(Transaction& transaction, std::string_view owner, UnixMillis now,
                                               UnixMillis lease_until, std::int64_t limit);
// The endpoint, with a longer lease; nothing if it is no longer `owner`'s, or was disabled or deleted.
Result<std::optional<WebhookRow>> renew_webhook(Transaction& transaction, std::string_view id, std::string_view owner,
                                                UnixMillis lease_until);
// Gives the endpoint back and says when it is due next, from its pending deliveries.
Result<void> release_webhook(Transaction& transaction, std::string_view id, std::string_view owner);
Result<void> update_webhook_health(Transaction& transaction, std::string_view id, const WebhookHealth& health);
// Frees the endpoints of a process before this one. Only for a database that nobody shares.
Result<void> end_webhook_leases(Transaction& transaction);
// When the next endpoint that nobody owns can be worked on; nothing if there is none.
Result<std::optional<UnixMillis>> next_webhook_due(Transaction& transaction);

}  // namespace weir::store

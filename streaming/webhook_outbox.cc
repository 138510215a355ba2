#include "streaming/webhook_outbox.h"

#include "streaming/event_envelope.h"
#include "streaming/event_types.h"

namespace weir::streaming {
namespace {

// The type of a test; it is in event_types() for the documentation, but in no log.
constexpr std::string_view kTestType = "webhook.test";

// `data` is the event as every surface shows it, so that one reader serves streams and webhooks.
std::string body_of(const Event& event, std::string_view epoch) {
  return to_text({{"type", event.type}, {"timestamp", to_rfc3339(event.at)}, {"data", envelope_of(event, epoch)}});
}

}  // namespace

Result<std::unique_ptr<WebhookOutbox>> WebhookOutbox::open(store::Database& database, IdGenerator& ids,
                                                           const Clock& clock, WebhookNotices& notices,
                                                           Sharing sharing) {
  std::unique_ptr<WebhookOutbox> outbox(new WebhookOutbox(ids, clock, notices, sharing));
  auto accounts = database.read_for(store::accounts_with_webhooks);
  if (!accounts) return std::move(accounts).error();
  for (const std::string& account : *accounts) outbox->expect_webhooks_of(account);
  return outbox;
}

Result<void> WebhookOutbox::add(store::Transaction& transaction, const Event& event, std::string_view epoch) {
  if (sharing_ == Sharing::alone &&
      !accounts_.with([&](const auto& accounts) { return accounts.contains(event.account_id); })) {
    return {};
  }
  auto webhooks = store::enabled_webhooks(transaction, event.account_id);
  if (!webhooks) return std::move(webhooks).error();
  for (const store::WebhookFilter& webhook : *webhooks) {
    if (!matches_any(webhook.events, event.type)) continue;
    if (auto added = add_for(transaction, webhook.id, event, epoch, "event"); !added) return std::move(added).error();
  }
  return {};
}

Result<bool> WebhookOutbox::add_for(store::Transaction& transaction, std::string_view webhook_id, const Event& event,
                                    std::string_view epoch, std::string_view cause) {
  const UnixMillis now = clock_.now();
  store::DeliveryRow delivery;
  delivery.id = ids_.make("dlv");
  delivery.webhook_id = webhook_id;
  delivery.account_id = event.account_id;
  delivery.message_id = "evt_" + std::string(epoch) + "_" + std::to_string(event.account_seq);
  delivery.event_type = event.type;
  delivery.resource_id = event.resource_id;
  delivery.cause = cause;
  delivery.body = body_of(event, epoch);
  delivery.due_at = now;
  delivery.created_at = now;
  return insert(transaction, std::move(delivery));
}

Result<std::string> WebhookOutbox::add_test(store::Transaction& transaction, const store::WebhookRow& webhook) {
  const UnixMillis now = clock_.now();
  store::DeliveryRow delivery;
  delivery.id = ids_.make("dlv");
  delivery.webhook_id = webhook.id;
  delivery.account_id = webhook.account_id;
  delivery.message_id = ids_.make("evt_test");
  delivery.event_type = kTestType;
  delivery.resource_id = webhook.id;
  delivery.cause = "test";
  Event event;
  event.account_id = webhook.account_id;
  event.resource_id = webhook.id;
  event.type = kTestType;
  event.at = now;
  event.data = {{"webhook_id", webhook.id}, {"message", "A test. Nothing has happened."}};
  delivery.body = body_of(event, "test");
  delivery.due_at = UnixMillis{};  // before everything that waits
  delivery.created_at = now;
  std::string id = delivery.id;
  if (auto inserted = insert(transaction, std::move(delivery)); !inserted) return std::move(inserted).error();
  return id;
}

Result<bool> WebhookOutbox::insert(store::Transaction& transaction, store::DeliveryRow delivery) {
  auto inserted = store::insert_delivery(transaction, delivery);
  if (!inserted || !*inserted) return inserted;
  auto forward = store::bring_webhook_forward(transaction, delivery.webhook_id, *delivery.due_at);
  if (!forward) return std::move(forward).error();
  notify_due(transaction, delivery.webhook_id);
  return true;
}

void WebhookOutbox::expect_webhooks_of(const std::string& account_id) {
  accounts_.with([&](auto& accounts) { accounts.insert(account_id); });
}

void WebhookOutbox::notify_due(store::Transaction& transaction, const std::string& webhook_id) {
  transaction.on_commit([this, webhook_id] { notices_.note_due(webhook_id); });
}

void WebhookOutbox::notify_changed(store::Transaction& transaction, const std::string& webhook_id) {
  transaction.on_commit([this, webhook_id] { notices_.note_changed(webhook_id); });
}

}  // namespace weir::streaming

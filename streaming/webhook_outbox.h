// From an event to the deliveries that it causes, written in the event's own transaction: if the event is there, so are
// they. Also the one place that says what is sent.
#pragma once
#include <memory>
#include <string>
#include <unordered_set>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/ids.h"
#include "store/deliveries_store.h"
#include "store/webhooks_store.h"
#include "streaming/event_outbox.h"
#include "streaming/webhook_notices.h"

namespace weir::streaming {

// Thread-safe.
class WebhookOutbox final : public EventOutbox {
 public:
  // All must outlive this. alone: no other process makes webhooks in this database, so that events of accounts without
  // any cost no query. Returns the database's error if it cannot be read.
  enum class Sharing : std::uint8_t { alone, shared };
  static Result<std::unique_ptr<WebhookOutbox>> open(store::Database& database, IdGenerator& ids, const Clock& clock,
                                                     WebhookNotices& notices, Sharing sharing = Sharing::alone);

  // One delivery for each enabled endpoint of the account that wants this type.
  Result<void> add(store::Transaction& transaction, const Event& event, std::string_view epoch) override;
  // The event's delivery to one endpoint, unless it has one already: then false.
  Result<bool> add_for(store::Transaction& transaction, std::string_view webhook_id, const Event& event,
                       std::string_view epoch, std::string_view cause);
  // A webhook.test for one endpoint, tried once and before everything else that is due; returns the delivery's id.
  Result<std::string> add_test(store::Transaction& transaction, const store::WebhookRow& webhook);

  // To be called in the transaction that makes an account's webhook.
  void expect_webhooks_of(const std::string& account_id);
  // Tells the sender, once the transaction has committed.
  void notify_due(store::Transaction& transaction, const std::string& webhook_id);
  void notify_changed(store::Transaction& transaction, const std::string& webhook_id);

 private:
  WebhookOutbox(IdGenerator& ids, const Clock& clock, WebhookNotices& notices, Sharing sharing)
      : ids_(ids), clock_(clock), notices_(notices), sharing_(sharing) {}
  Result<bool> insert(store::Transaction& transaction, store::DeliveryRow delivery);

  IdGenerator& ids_;
  const Clock& clock_;
  WebhookNotices& notices_;
  const Sharing sharing_;
  Guarded<std::unordered_set<std::string>> accounts_;  // that may have webhooks
};

}  // namespace weir::streaming

// The sender's side of the database: claims endpoints, fetches what is due, and writes what came of it, many in one
// transaction, because a commit costs more than a row.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/deliveries_store.h"
#include "store/webhooks_store.h"
#include "streaming/event_log.h"

namespace weir::streaming {

// What one attempt came to: the delivery as it is now, and the attempt for the log. Not thread-safe: a value.
struct WebhookOutcome {
  store::DeliveryRow delivery;
  store::AttemptRow attempt;
};

// What the sender has to say about an endpoint that it owns, and what it wants. Not thread-safe: a value.
struct WebhookReport {
  std::string webhook_id;
  std::string account_id;
  std::vector<WebhookOutcome> outcomes{};
  store::WebhookHealth health{};
  std::string disable_reason{};  // "": stays enabled
  enum class Wish : std::uint8_t { keep, fetch, release } wish = Wish::keep;
  std::set<std::string> in_hand{};  // deliveries that the sender has already
};

// The answer: the endpoint as it is now and more deliveries; nothing for endpoints that are no longer the sender's.
// Not thread-safe: a value.
struct WebhookWork {
  store::WebhookRow webhook;
  std::vector<store::DeliveryRow> due;
  bool has_more = false;  // there may be more due than was fetched
};

// Not thread-safe: owned by the sender.
class WebhookLedger {
 public:
  // An endpoint is owned this long without a renewal: longer than an attempt may take.
  static constexpr std::chrono::milliseconds kLease{60'000};
  // Deliveries fetched for one endpoint at once.
  static constexpr std::int64_t kFetch = 32;

  // All must outlive the ledger. `owner` names this sender among all that share the database.
  WebhookLedger(store::Database& database, EventLog& log, const Clock& clock, std::string owner)
      : database_(database), log_(log), clock_(clock), owner_(std::move(owner)) {}

  struct Settled {
    std::vector<WebhookWork> work;       // of reports that are kept or fetched for, and of newly claimed endpoints
    std::optional<UnixMillis> next_due;  // of endpoints that nobody owns
  };
  // Writes the reports and claims at most `claims` endpoints, in one transaction. Outcomes for an endpoint that another
  // sender has taken over are dropped: it will send again, with the same webhook-id.
  Result<Settled> settle(const std::vector<WebhookReport>& reports, std::int64_t claims);
  // Frees what a process before this one owned. Only for a database that nobody shares.
  Result<void> take_over();
  Result<std::optional<UnixMillis>> next_due();
  // Deletes some of what is older than `kept`; true if there may be more.
  Result<bool> trim(std::chrono::milliseconds kept);

 private:
  Result<void> write_report(store::Transaction& transaction, const WebhookReport& report, Settled& settled);
  Result<void> disable(store::Transaction& transaction, const WebhookReport& report);
  Result<WebhookWork> work_for(store::Transaction& transaction, store::WebhookRow webhook,
                               const std::set<std::string>& in_hand);

  store::Database& database_;
  EventLog& log_;
  const Clock& clock_;
  const std::string owner_;
};

}  // namespace weir::streaming

#include "streaming/webhook_ledger.h"

namespace weir::streaming {
namespace {

// Deliveries deleted in one transaction, so that other writers wait for milliseconds only.
constexpr std::int64_t kTrimmedAtOnce = 500;

Json disabled_payload(const WebhookReport& report) {
  const std::string what = report.disable_reason == "gone" ? "The receiver answered 410 Gone."
                                                           : "The receiver has done nothing but fail for days.";
  return {{"webhook_id", report.webhook_id},
          {"reason", report.disable_reason},
          {"message", what + " Repair it, enable the webhook with update_webhook, then call replay_deliveries."}};
}

}  // namespace

Result<WebhookLedger::Settled> WebhookLedger::settle(const std::vector<WebhookReport>& reports, std::int64_t claims) {
  return database_.write_for([&](store::Transaction& transaction) -> Result<Settled> {
    Settled settled;
    for (const WebhookReport& report : reports) {
      if (auto written = write_report(transaction, report, settled); !written) return std::move(written).error();
    }
    if (claims > 0) {
      const UnixMillis now = clock_.now();
      auto claimed = store::claim_webhooks(transaction, owner_, now, now + kLease, claims);
      if (!claimed) return std::move(claimed).error();
      for (store::WebhookRow& webhook : *claimed) {
        auto work = work_for(transaction, std::move(webhook), {});
        if (!work) return std::move(work).error();
        settled.work.push_back(*std::move(work));
      }
    }
    auto next = store::next_webhook_due(transaction);
    if (!next) return std::move(next).error();
    settled.next_due = *next;
    return settled;
  });
}

Result<void> WebhookLedger::write_report(store::Transaction& transaction, const WebhookReport& report,
                                         Settled& settled) {
  auto owned = store::renew_webhook(transaction, report.webhook_id, owner_, clock_.now() + kLease);
  if (!owned) return std::move(owned).error();
  if (!*owned) return {};
  for (const WebhookOutcome& outcome : report.outcomes) {
    if (auto kept = store::insert_attempt(transaction, outcome.delivery.id, outcome.attempt); !kept) return kept;
    if (auto ended = store::settle_delivery(transaction, outcome.delivery); !ended) return ended;
  }
  if (!report.outcomes.empty()) {
    auto written = store::update_webhook_health(transaction, report.webhook_id, report.health);
    if (!written) return written;
    (*owned)->health = report.health;
  }
  if (!report.disable_reason.empty()) return disable(transaction, report);
  switch (report.wish) {
    case WebhookReport::Wish::release: return store::release_webhook(transaction, report.webhook_id, owner_);
    case WebhookReport::Wish::keep:
      settled.work.push_back({.webhook = **std::move(owned), .due = {}, .has_more = false});
      return {};
    case WebhookReport::Wish::fetch: {
      auto work = work_for(transaction, **std::move(owned), report.in_hand);
      if (!work) return std::move(work).error();
      settled.work.push_back(*std::move(work));
      return {};
    }
  }
  return {};
}

Result<WebhookWork> WebhookLedger::work_for(store::Transaction& transaction, store::WebhookRow webhook,
                                            const std::set<std::string>& in_hand) {
  const std::int64_t limit = kFetch + static_cast<std::int64_t>(in_hand.size());
  auto due = store::due_deliveries(transaction, webhook.id, clock_.now(), limit);
  if (!due) return std::move(due).error();
  WebhookWork work{.webhook = std::move(webhook), .due = *std::move(due), .has_more = false};
  work.has_more = std::cmp_equal(work.due.size(), limit);
  std::erase_if(work.due, [&](const store::DeliveryRow& delivery) { return in_hand.contains(delivery.id); });
  return work;
}

Result<void> WebhookLedger::disable(store::Transaction& transaction, const WebhookReport& report) {
  const UnixMillis now = clock_.now();
  auto disabled = store::disable_webhook(transaction, report.webhook_id, report.disable_reason, now);
  if (!disabled) return disabled;
  auto ended = store::fail_pending_deliveries(transaction, report.webhook_id, "the webhook was disabled", now);
  if (!ended) return ended;
  auto told = log_.append(transaction, {.account_id = report.account_id,
                                        .resource_type = "webhook",
                                        .resource_id = report.webhook_id,
                                        .type = "webhook.disabled",
                                        .data = disabled_payload(report)});
  if (!told) return std::move(told).error();
  return {};
}

Result<void> WebhookLedger::take_over() { return database_.write(store::end_webhook_leases); }

Result<std::optional<UnixMillis>> WebhookLedger::next_due() { return database_.read_for(store::next_webhook_due); }

Result<bool> WebhookLedger::trim(std::chrono::milliseconds kept) {
  return database_.write_for([&](store::Transaction& transaction) -> Result<bool> {
    auto trimmed = store::trim_deliveries(transaction, clock_.now() - kept, kTrimmedAtOnce);
    if (!trimmed) return std::move(trimmed).error();
    if (*trimmed == kTrimmedAtOnce) return true;
    if (auto forgotten = store::forget_deleted_webhooks(transaction); !forgotten) return std::move(forgotten).error();
    return false;
  });
}

}  // namespace weir::streaming

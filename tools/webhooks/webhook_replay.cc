#include "tools/webhooks/webhook_replay.h"

#include <algorithm>

#include "store/events_store.h"
#include "streaming/event_types.h"

namespace weir::tools {
namespace {

constexpr std::int64_t kPageEvents = 500;
// Events looked at in one replay, whether they match or not.
constexpr std::int64_t kLookedAtMax = 20'000;

streaming::Event event_from(store::EventRow row) {
  return {.account_id = std::move(row.account_id),
          .resource_type = std::move(row.resource_type),
          .resource_id = std::move(row.resource_id),
          .seq = row.seq,
          .account_seq = row.account_seq,
          .type = std::move(row.type),
          .at = row.at,
          .data = std::move(row.data)};
}

// The number before the account's first event at or after `time`. Times grow with the numbers, as far as the machine's
// clock did.
Result<std::int64_t> position_before(store::Transaction& transaction, const std::string& account_id, UnixMillis time) {
  auto counters = store::account_event_counters(transaction, account_id);
  if (!counters) return std::move(counters).error();
  std::int64_t low = 0;
  std::int64_t high = counters->last;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    auto next = store::account_events_after(transaction, account_id, middle, 1);
    if (!next) return std::move(next).error();
    if (next->empty() || next->front().at >= time) {
      high = middle;
    } else {
      low = next->front().account_seq;
    }
  }
  return low;
}

struct Found {
  std::vector<streaming::Event> events;
  std::optional<UnixMillis> next_from;
};

Result<Found> matching_events(store::Transaction& transaction, const store::WebhookRow& webhook,
                              const store::DeliveryRange& range) {
  auto after = position_before(transaction, webhook.account_id, range.from);
  if (!after) return std::move(after).error();
  Found found;
  UnixMillis looked_at_last{};
  for (std::int64_t looked_at = 0; looked_at < kLookedAtMax; looked_at += kPageEvents) {
    auto page = store::account_events_after(transaction, webhook.account_id, *after, kPageEvents);
    if (!page) return std::move(page).error();
    if (page->empty()) return found;
    for (store::EventRow& row : *page) {
      if (row.at >= range.until) return found;
      *after = row.account_seq;
      if (!streaming::matches_any(webhook.events, row.type)) continue;
      if (std::cmp_greater_equal(found.events.size(), kReplayMax)) {
        found.next_from = row.at;
        return found;
      }
      found.events.push_back(event_from(std::move(row)));
    }
    looked_at_last = page->back().at;
  }
  found.next_from = looked_at_last;
  return found;
}

}  // namespace

Result<Replayed> replay(const Services& services, const store::WebhookRow& webhook, store::DeliveryRange range) {
  // Found in a snapshot first, so that other writers wait for the insertions only.
  auto found = services.database.read_for(
      [&](store::Transaction& transaction) { return matching_events(transaction, webhook, range); });
  if (!found) return std::move(found).error();
  const std::string& epoch = services.events.epoch();
  return services.database.write_for([&](store::Transaction& transaction) -> Result<Replayed> {
    Replayed replayed{.queued_again = 0, .queued_new = 0, .next_from = found->next_from};
    if (replayed.next_from) range.until = std::min(range.until, *replayed.next_from);
    const UnixMillis now = services.clock.now();
    auto again = store::queue_range_again(transaction, range, now, kReplayMax);
    if (!again) return std::move(again).error();
    replayed.queued_again = *again;
    // Those that were queued are pending now: the same range again finds the rest.
    if (*again == kReplayMax) replayed.next_from = range.from;
    for (const streaming::Event& event : found->events) {
      auto added = services.webhooks.outbox.add_for(transaction, webhook.id, event, epoch, "replay");
      if (!added) return std::move(added).error();
      if (*added) ++replayed.queued_new;
    }
    if (auto forward = store::bring_webhook_forward(transaction, webhook.id, now); !forward)
      return std::move(forward).error();
    services.webhooks.outbox.notify_due(transaction, webhook.id);
    return replayed;
  });
}

}  // namespace weir::tools

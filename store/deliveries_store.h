// Webhook deliveries: the outbox, written in the transaction of the event, and the log of what became of each, attempt by
// attempt. A delivery that has a due_at is pending.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct DeliveryRow {
  std::string id;
  std::string webhook_id;
  std::string account_id;
  std::string message_id;  // the webhook-id header
  std::string event_type;
  std::string resource_id;
  std::string cause = "event";    // event test replay
  std::string body;               // what is sent, byte for byte
  std::string state = "pending";  // pending delivered failed
  std::int64_t attempts = 0;
  std::int64_t round_attempts = 0;   // since it was queued, or queued again
  std::optional<UnixMillis> due_at;  // of a pending one
  std::optional<std::int64_t> last_status;
  std::string last_error;  // "" after a success
  UnixMillis created_at{};
  std::optional<UnixMillis> finished_at;
};

// One try. Not thread-safe: a value.
struct AttemptRow {
  std::int64_t position = 1;
  UnixMillis started_at{};
  std::int64_t duration_ms = 0;
  std::optional<std::int64_t> status{};  // nothing: there was no answer
  std::string error{};                   // "" for a success
  std::string response_head{};
  std::string response_body{};
};

// False if the endpoint already has a delivery of this message.
Result<bool> insert_delivery(Transaction& transaction, const DeliveryRow& delivery);
// Returns not_found if it does not exist or is another account's.
Result<DeliveryRow> delivery_by_id(Transaction& transaction, std::string_view account_id, std::string_view id);
struct DeliveryFilter {
  std::string webhook_id;
  std::string state;  // "": any
};
// Newest first; without bodies.
Result<Page<DeliveryRow>> list_deliveries(Transaction& transaction, const DeliveryFilter& filter,
                                          const PageRequest& page);
Result<std::vector<AttemptRow>> attempts_of(Transaction& transaction, std::string_view delivery_id);

// The earliest ones that are due, at most `limit`.
Result<std::vector<DeliveryRow>> due_deliveries(Transaction& transaction, std::string_view webhook_id, UnixMillis now,
                                                std::int64_t limit);
Result<void> insert_attempt(Transaction& transaction, std::string_view delivery_id, const AttemptRow& attempt);
// The state, counts, due time and last outcome of `delivery`, if it is still pending.
Result<void> settle_delivery(Transaction& transaction, const DeliveryRow& delivery);
// Due at once with a new round of attempts, whatever its state.
Result<void> queue_delivery_again(Transaction& transaction, std::string_view id, UnixMillis now);
// What is pending ends as failed, saying `why`.
Result<void> fail_pending_deliveries(Transaction& transaction, std::string_view webhook_id, std::string_view why,
                                     UnixMillis now);
struct DeliveryRange {
  std::string webhook_id;
  UnixMillis from{};
  UnixMillis until{};
  enum class States : std::uint8_t { failed, failed_and_delivered } states = States::failed;
};
// Queues those of events in the range again, oldest first, at most `limit`; returns how many.
Result<std::int64_t> queue_range_again(Transaction& transaction, const DeliveryRange& range, UnixMillis now,
                                       std::int64_t limit);

// Deletes deliveries that ended before `before`, at most `limit`, with their attempts; returns how many.
Result<std::int64_t> trim_deliveries(Transaction& transaction, UnixMillis before, std::int64_t limit);
// Deletes endpoints that were deleted and whose log is empty.
Result<void> forget_deleted_webhooks(Transaction& transaction);

}  // namespace weir::store

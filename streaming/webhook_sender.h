// Sends what the outbox holds: one thread that owns endpoints by a lease, keeps hundreds of deliveries under way over
// kept-alive connections, and writes what came of them in batches. A process that dies leaves its deliveries pending and
// its leases to run out: another sender, or the next start, sends again with the same webhook-id.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/sealer.h"
#include "egress/http_transfers.h"
#include "streaming/webhook_ledger.h"
#include "streaming/webhook_notices.h"
#include "streaming/webhook_settings.h"

namespace weir::streaming {

// What the sender works with. All must outlive it. Not thread-safe: a set of references.
struct WebhookSenderParts {
  store::Database& database;
  EventLog& log;
  WebhookNotices& notices;
  const Sealer& sealer;
  const egress::AddressPolicy& policy;
  egress::Resolver& resolver;
  const Clock& clock;
  Random& random;
  IdGenerator& ids;
};

// Thread-safe.
class WebhookSender {
 public:
  // alone: no other process sends from this database, so start() takes up at once what a dead one owned.
  enum class Sharing : std::uint8_t { alone, shared };
  WebhookSender(WebhookSettings settings, const WebhookSenderParts& parts, Sharing sharing = Sharing::alone);
  ~WebhookSender();
  WebhookSender(const WebhookSender&) = delete;
  WebhookSender& operator=(const WebhookSender&) = delete;

  void start();
  // What is under way may end; then what came of it is written and the endpoints are given back. Blocks up to
  // kStopPatience and a transaction. Called by the destructor.
  void stop();
  static constexpr std::chrono::milliseconds kStopPatience{3'000};

 private:
  // An endpoint that this sender owns. Not thread-safe: owned by the sender's thread.
  struct Endpoint {
    store::WebhookRow row;
    egress::Url url{};
    std::vector<std::string> secrets{};
    std::deque<store::DeliveryRow> in_hand{};
    std::set<std::string> under_way{};
    std::vector<WebhookOutcome> outcomes{};
    bool has_more = true;  // the database may hold more that is due
    std::string disable_reason{};
    UnixMillis renewed_at{};
  };
  struct Flight {
    std::string webhook_id;
    store::DeliveryRow delivery;
    UnixMillis started_at;
  };

  void run(const std::stop_token& stop);
  void step(std::chrono::milliseconds wait_max);
  void finish();
  void take_notices();
  void send_what_may_go();
  void send(Endpoint& endpoint);
  void conclude(egress::HttpTransfers::Finished finished);
  void settle_if_needed();
  void settle(bool is_stopping);
  void accept(WebhookWork work);
  void trim_if_due();
  [[nodiscard]] WebhookReport report_of(Endpoint& endpoint, bool is_stopping);
  [[nodiscard]] bool wants_settling(const Endpoint& endpoint) const;
  [[nodiscard]] bool may_claim() const;
  [[nodiscard]] bool is_paused(const Endpoint& endpoint) const;
  [[nodiscard]] std::chrono::milliseconds wait_time(std::chrono::milliseconds most) const;

  const WebhookSettings settings_;
  const Sharing sharing_;
  const Clock& clock_;
  Random& random_;
  const Sealer& sealer_;
  WebhookNotices& notices_;
  WebhookLedger ledger_;
  egress::HttpTransfers transfers_;

  // Of the sender's thread.
  std::map<std::string, Endpoint> endpoints_;
  std::unordered_map<std::uint64_t, Flight> flights_;
  std::uint64_t next_tag_ = 1;
  std::size_t outcomes_ = 0;  // not written yet
  std::chrono::steady_clock::time_point oldest_outcome_{};
  bool has_news_ = true;                // something is due for an endpoint that is not ours
  std::optional<UnixMillis> next_due_;  // of endpoints that nobody owns
  UnixMillis retry_database_at_{};
  UnixMillis next_trim_{};
  std::string last_sent_;  // the endpoint that had its turn last

  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace weir::streaming

#include "streaming/webhook_sender.h"

#include <pthread.h>

#include <algorithm>

#include "base/log.h"
#include "streaming/webhook_attempt.h"
#include "streaming/webhook_signature.h"

namespace weir::streaming {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Outcomes are written when there are this many, or the oldest has waited this long: a crash repeats at most these.
constexpr std::size_t kOutcomesAtOnce = 128;
constexpr milliseconds kOutcomeWait{5};
// Endpoints that this sender owns at once; each holds up to WebhookLedger::kFetch bodies in memory.
constexpr std::size_t kEndpointsMax = 256;
// Of these, so many are claimed in one transaction: others who write wait for it.
constexpr std::size_t kClaimsAtOnce = 16;
// The longest wait of an idle sender: what another process made due is seen, and a clock that was set, too.
constexpr milliseconds kIdleWait{1'000};
// After a failure of the database; long enough not to fill the log.
constexpr milliseconds kDatabaseRetry{1'000};
constexpr milliseconds kTrimInterval = std::chrono::hours{1};
constexpr milliseconds kRenewAfter = WebhookLedger::kLease / 3;

}  // namespace

WebhookSender::WebhookSender(WebhookSettings settings, const WebhookSenderParts& parts, Sharing sharing)
    : settings_(std::move(settings)),
      sharing_(sharing),
      clock_(parts.clock),
      random_(parts.random),
      sealer_(parts.sealer),
      notices_(parts.notices),
      ledger_(parts.database, parts.log, parts.clock, parts.ids.make("own")),
      transfers_(parts.policy, parts.resolver, parts.clock,
                 {.user_agent = settings_.user_agent,
                  .resolvers = settings_.resolvers,
                  .connections_kept_max = static_cast<long>(settings_.at_once)}) {
  notices_.wake_with([this] { transfers_.wake(); });
}

WebhookSender::~WebhookSender() {
  stop();
  notices_.wake_with(nullptr);
}

void WebhookSender::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "weir-webhooks");
    run(stop);
  });
}

void WebhookSender::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  transfers_.wake();
  thread_.join();
}

void WebhookSender::run(const std::stop_token& stop) {
  if (sharing_ == Sharing::alone) {
    if (auto taken = ledger_.take_over(); !taken)
      log::error("webhooks.cannot_take_up", {{"cause", taken.error().cause}});
  }
  while (!stop.stop_requested()) step(kIdleWait);
  finish();
}

// One round: what came in, what may go out, what must be written.
void WebhookSender::step(milliseconds wait_max) {
  take_notices();
  settle_if_needed();
  send_what_may_go();
  for (auto& finished : transfers_.poll(wait_time(wait_max))) conclude(std::move(finished));
  trim_if_due();
}

void WebhookSender::finish() {
  const auto end = steady_clock::now() + kStopPatience;
  while (transfers_.running() > 0 && steady_clock::now() < end) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
    for (auto& finished : transfers_.poll(std::max(milliseconds{1}, left))) conclude(std::move(finished));
  }
  settle(true);
}

void WebhookSender::take_notices() {
  const WebhookNotices::Taken taken = notices_.take();
  for (const std::string& id : taken.due) {
    const auto endpoint = endpoints_.find(id);
    if (endpoint == endpoints_.end())
      has_news_ = true;
    else
      endpoint->second.has_more = true;
  }
  for (const std::string& id : taken.changed) {
    const auto endpoint = endpoints_.find(id);
    if (endpoint == endpoints_.end()) {
      has_news_ = true;
      continue;
    }
    endpoint->second.in_hand.clear();  // still pending in the database; read again with the endpoint
    endpoint->second.has_more = true;
    endpoint->second.row.health.paused_until = UnixMillis{};
  }
}

bool WebhookSender::is_paused(const Endpoint& endpoint) const {
  return endpoint.row.health.paused_until > clock_.now();
}

// One delivery for each endpoint in turn, so that a busy one does not take every connection.
void WebhookSender::send_what_may_go() {
  bool has_sent = true;
  while (has_sent && flights_.size() < settings_.at_once) {
    has_sent = false;
    auto next = endpoints_.upper_bound(last_sent_);
    for (std::size_t i = 0; i < endpoints_.size() && flights_.size() < settings_.at_once; ++i, ++next) {
      if (next == endpoints_.end()) next = endpoints_.begin();
      Endpoint& endpoint = next->second;
      const unsigned most = deliveries_at_once(endpoint.row.health, settings_.retry, settings_.at_once_per_endpoint);
      if (endpoint.in_hand.empty() || endpoint.under_way.size() >= most || is_paused(endpoint)) continue;
      send(endpoint);
      last_sent_ = next->first;
      has_sent = true;
    }
  }
}

void WebhookSender::send(Endpoint& endpoint) {
  store::DeliveryRow delivery = std::move(endpoint.in_hand.front());
  endpoint.in_hand.pop_front();
  const UnixMillis now = clock_.now();
  egress::HttpRequest request;
  request.method = "POST";
  request.url = endpoint.url;
  request.headers = webhook_headers(
      {.id = delivery.message_id, .sent_at = now, .event_type = delivery.event_type, .body = delivery.body},
      endpoint.secrets);
  request.body = std::move(delivery.body);
  delivery.body.clear();
  request.timeout = settings_.timeout;
  request.connect_timeout = settings_.timeout;
  request.body_bytes_max = kAnswerBodyBytesMax;
  request.head_bytes_max = kAnswerHeadBytesMax;
  request.ca_file = settings_.ca_file;
  const std::uint64_t tag = next_tag_++;
  endpoint.under_way.insert(delivery.id);
  flights_.emplace(tag, Flight{endpoint.row.id, std::move(delivery), now});
  transfers_.start(tag, std::move(request));
}

void WebhookSender::conclude(egress::HttpTransfers::Finished finished) {
  auto node = flights_.extract(finished.tag);
  Flight& flight = node.mapped();
  const auto found = endpoints_.find(flight.webhook_id);
  if (found == endpoints_.end()) return;  // taken over by another sender, disabled or deleted meanwhile
  Endpoint& endpoint = found->second;
  endpoint.under_way.erase(flight.delivery.id);
  JudgedAttempt judged =
      judge_attempt(settings_, std::move(flight.delivery), finished.response,
                    {.started_at = flight.started_at, .now = clock_.now()}, endpoint.row.health, random_);
  const store::AttemptRow& attempt = judged.outcome.attempt;
  if (!attempt.error.empty()) {
    // What was answered is the account's: a redirect may name a URL with a token in it.
    log::info("webhooks.failed",
              {{"webhook", endpoint.row.id},
               {"delivery", judged.outcome.delivery.id},
               {"attempt", attempt.position},
               {"error", attempt.status ? "answered " + std::to_string(*attempt.status) : attempt.error}});
  }
  if (!judged.disable_reason.empty()) endpoint.disable_reason = judged.disable_reason;
  if (is_paused(endpoint)) {
    endpoint.in_hand.clear();  // still pending; read again after the pause
    endpoint.has_more = false;
  }
  endpoint.outcomes.push_back(std::move(judged.outcome));
  if (outcomes_++ == 0) oldest_outcome_ = steady_clock::now();
}

bool WebhookSender::may_claim() const {
  if (endpoints_.size() >= kEndpointsMax) return false;
  return has_news_ || (next_due_ && *next_due_ <= clock_.now());
}

// Whether this endpoint has run dry, or is to be given back, or its lease is getting old.
bool WebhookSender::wants_settling(const Endpoint& endpoint) const {
  if (!endpoint.disable_reason.empty()) return true;
  if (clock_.now() - endpoint.renewed_at >= kRenewAfter) return true;
  if (!endpoint.in_hand.empty()) return false;
  return (endpoint.has_more && !is_paused(endpoint)) || endpoint.under_way.empty();
}

void WebhookSender::settle_if_needed() {
  if (clock_.now() < retry_database_at_ && retry_database_at_ - clock_.now() <= kDatabaseRetry) return;
  if (sharing_ == Sharing::shared && !has_news_ && endpoints_.empty()) {
    if (auto due = ledger_.next_due()) next_due_ = *due;
  }
  const bool is_idle = flights_.empty();
  const bool is_ripe = outcomes_ >= kOutcomesAtOnce ||
                       (outcomes_ > 0 && (is_idle || steady_clock::now() - oldest_outcome_ >= kOutcomeWait));
  const bool is_wanted = std::any_of(endpoints_.begin(), endpoints_.end(),
                                     [this](const auto& entry) { return wants_settling(entry.second); });
  if (is_ripe || is_wanted || may_claim()) settle(false);
}

WebhookReport WebhookSender::report_of(Endpoint& endpoint, bool is_stopping) {
  WebhookReport report{.webhook_id = endpoint.row.id, .account_id = endpoint.row.account_id};
  report.outcomes = endpoint.outcomes;
  report.health = endpoint.row.health;
  report.disable_reason = endpoint.disable_reason;
  const bool is_done =
      endpoint.under_way.empty() && endpoint.in_hand.empty() && (!endpoint.has_more || is_paused(endpoint));
  if (is_stopping || is_done) {
    report.wish = WebhookReport::Wish::release;
  } else if (endpoint.in_hand.empty() && endpoint.has_more && !is_paused(endpoint)) {
    report.wish = WebhookReport::Wish::fetch;
    report.in_hand = endpoint.under_way;
  }
  return report;
}

void WebhookSender::settle(bool is_stopping) {
  std::vector<WebhookReport> reports;
  std::set<std::string> dropped;  // unless they come back as work
  for (auto& [id, endpoint] : endpoints_) {
    const bool is_waiting = endpoint.outcomes.empty() && !wants_settling(endpoint) && !is_stopping;
    if (is_waiting) continue;
    reports.push_back(report_of(endpoint, is_stopping));
    dropped.insert(id);
  }
  const bool claims = !is_stopping && may_claim();
  if (reports.empty() && !claims) return;
  auto settled = ledger_.settle(
      reports, claims ? static_cast<std::int64_t>(std::min(kClaimsAtOnce, kEndpointsMax - endpoints_.size())) : 0);
  if (!settled) {
    // The outcomes stay in memory and are written later; new ones wait, because nothing can be read.
    log::warning("webhooks.database", {{"error", settled.error().message}, {"cause", settled.error().cause}});
    retry_database_at_ = clock_.now() + kDatabaseRetry;
    return;
  }
  if (claims) has_news_ = false;
  next_due_ = settled->next_due;
  for (const WebhookReport& report : reports) endpoints_.at(report.webhook_id).outcomes.clear();
  outcomes_ = 0;
  for (WebhookWork& work : settled->work) {
    dropped.erase(work.webhook.id);
    accept(std::move(work));
  }
  for (const std::string& id : dropped) endpoints_.erase(id);
}

void WebhookSender::accept(WebhookWork work) {
  auto url = egress::Url::parse(work.webhook.url);
  const auto secret = sealer_.open(work.webhook.sealed_secret, work.webhook.id);
  Endpoint& endpoint = endpoints_[work.webhook.id];
  if (!url || !secret) {
    // Nothing can be sent; a wrong key file is the operator's to repair, and the deliveries stay pending until then.
    log::error("webhooks.unreadable", {{"webhook", work.webhook.id},
                                       {"hint", "restore secrets.key of the data folder, or rotate the secret"}});
    endpoints_.erase(work.webhook.id);
    return;
  }
  const bool was_fetched = work.has_more || !work.due.empty() || (endpoint.in_hand.empty() && endpoint.has_more);
  endpoint.url = *std::move(url);
  endpoint.secrets = {*secret};
  if (work.webhook.previous_until && *work.webhook.previous_until > clock_.now()) {
    if (auto previous = sealer_.open(work.webhook.sealed_previous_secret, work.webhook.id)) {
      endpoint.secrets.push_back(*std::move(previous));
    }
  }
  endpoint.row = std::move(work.webhook);
  endpoint.renewed_at = clock_.now();
  for (store::DeliveryRow& delivery : work.due) endpoint.in_hand.push_back(std::move(delivery));
  if (was_fetched) endpoint.has_more = work.has_more;
}

milliseconds WebhookSender::wait_time(milliseconds most) const {
  milliseconds wait = most;
  const UnixMillis now = clock_.now();
  if (outcomes_ > 0) wait = std::min(wait, kOutcomeWait);
  if (next_due_) wait = std::min(wait, *next_due_ - now);
  if (has_news_ && endpoints_.size() < kEndpointsMax) wait = milliseconds::zero();
  for (const auto& [id, endpoint] : endpoints_) {
    if (wants_settling(endpoint)) wait = milliseconds::zero();
  }
  if (retry_database_at_ > now) wait = std::max(wait, retry_database_at_ - now);
  return std::clamp(wait, milliseconds::zero(), most);
}

void WebhookSender::trim_if_due() {
  const UnixMillis now = clock_.now();
  if (now < next_trim_) return;
  auto trimmed = ledger_.trim(settings_.log_kept);
  if (!trimmed) log::warning("webhooks.cannot_trim", {{"cause", trimmed.error().cause}});
  // A long log is deleted piece by piece, one in each round.
  next_trim_ = trimmed && *trimmed ? now : now + kTrimInterval;
}

}  // namespace weir::streaming

#include "limits/fallback_limiter.h"

#include <pthread.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"

namespace weir::limits {
namespace {

// The probe's own key: far more than all nodes of a cluster probe in a second, forgotten a second later.
constexpr std::string_view kProbeKey = "weir-probe";
Quota probe_quota() {
  return {.tier = "probe",
          .is_unlimited = false,
          .policies = {{.name = "probe", .limit = 1'000, .window = std::chrono::seconds{1}}}};
}

}  // namespace

std::string_view to_string(OnRedisLoss what) {
  switch (what) {
    case OnRedisLoss::local: return "local";
    case OnRedisLoss::closed: return "closed";
    case OnRedisLoss::open: return "open";
  }
  CHECK(false, "every way is named above");
}

std::optional<OnRedisLoss> on_redis_loss_from(std::string_view name) {
  for (const OnRedisLoss each : {OnRedisLoss::local, OnRedisLoss::closed, OnRedisLoss::open}) {
    if (to_string(each) == name) return each;
  }
  return std::nullopt;
}

// Both sides' budgets of one key. Immutable.
class FallbackLimiter::Budget final : public KeyBudget {
 public:
  Budget(std::shared_ptr<KeyBudget> shared, std::shared_ptr<KeyBudget> local)
      : shared_(std::move(shared)), local_(std::move(local)) {}

  [[nodiscard]] KeyBudget& shared() const { return *shared_; }
  [[nodiscard]] const std::shared_ptr<KeyBudget>& shared_budget() const { return shared_; }
  [[nodiscard]] KeyBudget& local() const { return *local_; }
  // What counts is kept by the two limiters.
  [[nodiscard]] bool is_idle(std::chrono::steady_clock::time_point /*now*/) const { return true; }

 private:
  const std::shared_ptr<KeyBudget> shared_;
  const std::shared_ptr<KeyBudget> local_;
};

FallbackLimiter::FallbackLimiter(RateLimiter& shared, RateLimiter& local, const Clock& clock, FallbackSettings settings)
    : shared_(shared), local_(local), clock_(clock), settings_(settings), probe_(shared.budget(kProbeKey)) {
  CHECK(settings_.nodes > 0, "the configuration's smallest number of nodes is 1");
  prober_ = std::jthread([this](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "limits-probe");
    probe_until_back(stop);
  });
}

FallbackLimiter::~FallbackLimiter() = default;

std::shared_ptr<KeyBudget> FallbackLimiter::budget(std::string_view key_id) {
  return budgets_.get(key_id, clock_.steady_now(),
                      [&] { return std::make_shared<Budget>(shared_.budget(key_id), local_.budget(key_id)); });
}

Result<Decision> FallbackLimiter::acquire(KeyBudget& key_budget, const Quota& quota, std::uint32_t cost) {
  auto& budget = static_cast<Budget&>(key_budget);
  const std::uint64_t epoch = epoch_.load(std::memory_order_acquire);
  if (is_loss(epoch)) return decide_alone(budget, quota, cost);
  Result<Decision> decision = shared_.acquire(budget.shared(), quota, cost);
  if (decision) return decision;
  lose(epoch, decision.error());
  return decide_alone(budget, quota, cost);
}

std::optional<Result<Decision>> FallbackLimiter::acquire_or_call(const std::shared_ptr<KeyBudget>& key_budget,
                                                                 const Quota& quota, std::uint32_t cost,
                                                                 Decided decided) {
  auto& budget = static_cast<Budget&>(*key_budget);
  const std::uint64_t epoch = epoch_.load(std::memory_order_acquire);
  if (is_loss(epoch)) return decide_alone(budget, quota, cost);
  auto decision = shared_.acquire_or_call(
      budget.shared_budget(), quota, cost,
      [this, key_budget, &quota, cost, epoch, decided = std::move(decided)](Result<Decision> late) {
        if (late) return decided(std::move(late));
        lose(epoch, late.error());
        decided(decide_alone(static_cast<Budget&>(*key_budget), quota, cost));
      });
  if (!decision || *decision) return decision;
  lose(epoch, decision->error());
  return decide_alone(budget, quota, cost);
}

void FallbackLimiter::refund(KeyBudget& key_budget, const Quota& quota, const Decision& decision, std::uint32_t cost) {
  auto& budget = static_cast<Budget&>(key_budget);
  if (!decision.is_degraded) return shared_.refund(budget.shared(), quota, decision, cost);
  if (settings_.on_loss == OnRedisLoss::local) local_.refund(budget.local(), quota, decision, cost);
}

Result<Decision> FallbackLimiter::decide_alone(Budget& budget, const Quota& quota, std::uint32_t cost) {
  if (settings_.on_loss == OnRedisLoss::closed && !quota.is_unlimited) {
    if (cost == 0) return nothing_left(quota);
    return Error{ErrorCode::unavailable,
                 "the rate limiter cannot reach its Redis, and limits.on_redis_loss is "
                 "\"closed\"; try again in a second"}
        .retry_in(settings_.probe_interval);
  }
  if (settings_.on_loss == OnRedisLoss::local) {
    Result<Decision> decision = local_.acquire(budget.local(), share_of(quota), cost);
    if (decision) decision->is_degraded = true;
    return decision;
  }
  Decision decision;
  decision.is_degraded = true;
  decision.is_unlimited = quota.is_unlimited;
  decision.tier = quota.tier;
  decision.decided_at = clock_.now();
  for (const Policy& policy : quota.policies) {
    decision.states.emplace_back(policy.name, policy.limit, policy.window, policy.limit, decision.decided_at);
  }
  return decision;
}

// What costs nothing is never refused (RateLimiter::acquire), and is told what a call would meet: nothing is left until
// the next probe at the earliest.
Decision FallbackLimiter::nothing_left(const Quota& quota) const {
  Decision decision;
  decision.is_degraded = true;
  decision.tier = quota.tier;
  decision.decided_at = clock_.now();
  for (const Policy& policy : quota.policies) {
    decision.states.emplace_back(policy.name, policy.limit, policy.window, 0U,
                                 decision.decided_at + settings_.probe_interval);
  }
  return decision;
}

Quota FallbackLimiter::share_of(const Quota& quota) const {
  Quota share = quota;
  for (Policy& policy : share.policies) policy.limit = std::max(policy.limit / settings_.nodes, 1U);
  return share;
}

void FallbackLimiter::lose(std::uint64_t epoch, const Error& why) {
  if (!epoch_.compare_exchange_strong(epoch, epoch + 1)) return;  // somebody else noticed
  { const std::lock_guard lock(mutex_); }
  changed_.notify_all();
  log::warning("limits.degraded", {{"on_redis_loss", to_string(settings_.on_loss)},
                                   {"nodes", settings_.nodes},
                                   {"reason", why.cause.empty() ? why.message : why.cause}});
}

void FallbackLimiter::probe_until_back(const std::stop_token& stop) {
  const Quota quota = probe_quota();
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return is_degraded(); })) {
    changed_.wait_for(lock, stop, settings_.probe_interval, [] { return false; });
    if (stop.stop_requested()) return;
    lock.unlock();
    if (shared_.acquire(*probe_, quota, 1)) {
      ++epoch_;
      log::info("limits.shared_again");
    }
    lock.lock();
  }
}

}  // namespace weir::limits

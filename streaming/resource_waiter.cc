#include "streaming/resource_waiter.h"

#include <atomic>

namespace weir::streaming {
namespace {

// What the wait comes to if the newest event is of this type; nothing: it goes on.
std::optional<ResourceWaiter::Outcome> outcome_at(std::string_view type) {
  if (is_terminal_event(type)) return ResourceWaiter::Outcome::ended;
  if (asks_people(type)) return ResourceWaiter::Outcome::needs_person;
  return std::nullopt;
}

// Held by the caller's Wait alone; the hub, the timer and the executor hold it weakly or only while they call it.
// Thread-safe.
class PendingWait final : public Wait, public std::enable_shared_from_this<PendingWait> {
 public:
  PendingWait(TimerQueue& timers, Executor& executor, ResourceWaiter::Callbacks callbacks)
      : timers_(timers), executor_(executor), callbacks_(std::move(callbacks)) {}
  PendingWait(const PendingWait&) = delete;
  PendingWait& operator=(const PendingWait&) = delete;
  ~PendingWait() override {
    if (const TimerQueue::Id timer = timer_; timer != 0) timers_.cancel(timer);
  }

  // False if the hub takes no more subscriptions.
  bool subscribe(EventHub& hub, std::string_view resource_id) {
    auto subscription = hub.subscribe(resource_id, [weak = weak_from_this()](const Published& published) {
      const auto self = weak.lock();
      if (self == nullptr || self->is_done_) return;
      if (self->callbacks_.on_event) self->callbacks_.on_event(*published.event);
      if (const auto outcome = outcome_at(published.event->type)) self->finish(*outcome);
    });
    if (subscription == nullptr) return false;
    const std::lock_guard lock(mutex_);
    if (!is_done_) subscription_ = std::move(subscription);
    return true;
  }

  void start_timer(std::chrono::steady_clock::time_point deadline) {
    timer_ = timers_.at(deadline, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->finish(ResourceWaiter::Outcome::deadline);
    });
    // It may have ended before the timer was known to finish().
    if (is_done_) timers_.cancel(timer_);
  }

  void finish(ResourceWaiter::Outcome outcome) {
    if (is_done_.exchange(true)) return;
    timers_.cancel(timer_);
    std::shared_ptr<Subscription> ended;
    {
      const std::lock_guard lock(mutex_);
      ended = std::move(subscription_);
    }
    // Not run if the executor is stopping: then nobody can be answered any more.
    executor_.post([on_done = callbacks_.on_done, outcome] { on_done(outcome); });
  }

 private:
  TimerQueue& timers_;
  Executor& executor_;
  const ResourceWaiter::Callbacks callbacks_;
  std::atomic<bool> is_done_ = false;
  std::atomic<TimerQueue::Id> timer_ = 0;
  std::mutex mutex_;
  std::shared_ptr<Subscription> subscription_;  // guarded by mutex_
};

}  // namespace

std::shared_ptr<Wait> ResourceWaiter::wait(std::string resource_id, std::chrono::milliseconds timeout,
                                           Callbacks callbacks) {
  auto pending = std::make_shared<PendingWait>(timers_, executor_, std::move(callbacks));
  // Subscribed before the log is read: what ends the resource is either in the log already or will be published.
  if (!pending->subscribe(hub_, resource_id)) {
    // Too many wait already: this caller is answered now, and may ask again.
    pending->finish(Outcome::deadline);
    return pending;
  }
  const auto last = log_.last_event(resource_id);
  const auto outcome = last && *last ? outcome_at((*last)->type) : std::nullopt;
  if (outcome) {
    pending->finish(*outcome);
  } else {
    pending->start_timer(std::chrono::steady_clock::now() + timeout);
  }
  return pending;
}

}  // namespace weir::streaming

#include "streaming/event_retention.h"

#include "base/log.h"
#include "store/events_store.h"
#include "streaming/event_types.h"

namespace weir::streaming {

std::shared_ptr<EventRetention> EventRetention::create(const RetentionSettings& settings, store::Database& database,
                                                       const Clock& clock) {
  return std::make_shared<EventRetention>(Private{}, settings, database, clock);
}

EventRetention::EventRetention(Private, const RetentionSettings& settings, store::Database& database,
                               const Clock& clock)
    : settings_(settings), database_(database), clock_(clock) {}

Result<std::int64_t> EventRetention::trim_some() {
  const std::lock_guard lock(slice_mutex_);
  const UnixMillis now = clock_.now();
  store::EventKeeping keeping{.since = now - settings_.keep, .per_resource = settings_.per_resource};
  for (const EventType& type : event_types()) {
    // Only runs have such events.
    if (type.keep)
      keeping.short_lived.push_back({.resource_type = "run", .type = type.name, .since = now - *type.keep});
  }
  auto trim = database_.write_for([&](store::Transaction& transaction) {
    return store::trim_old_events(transaction, last_resource_id_, kResourcesPerSlice, keeping);
  });
  if (!trim) return std::move(trim).error();
  last_resource_id_ = std::move(trim->last_resource_id);
  return trim->trimmed;
}

void EventRetention::start(TimerQueue& timers, Executor& executor) {
  {
    const std::lock_guard lock(mutex_);
    timers_ = &timers;
    executor_ = &executor;
  }
  arm();
}

void EventRetention::stop() {
  const std::lock_guard lock(mutex_);
  if (timers_ != nullptr) timers_->cancel(timer_);
  timers_ = nullptr;
}

void EventRetention::arm() {
  const std::lock_guard lock(mutex_);
  if (timers_ == nullptr) return;
  timer_ = timers_->at(std::chrono::steady_clock::now() + settings_.between, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    Executor* executor = nullptr;
    {
      const std::lock_guard guard(self->mutex_);
      if (self->timers_ == nullptr) return;
      executor = self->executor_;
    }
    const bool is_posted = executor->post([self] {
      const auto trimmed = self->trim_some();
      if (!trimmed)
        log::warning("events.not_trimmed", {{"cause", trimmed.error().cause}});
      else if (*trimmed > 0)
        log::debug("events.trimmed", {{"events", *trimmed}});
      self->arm();
    });
    if (!is_posted) self->arm();
  });
}

}  // namespace weir::streaming

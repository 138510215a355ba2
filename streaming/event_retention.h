// Deletes old events, a slice at a time, so that no writer waits long. What was deleted is remembered by the log, which
// tells a reader whose position is gone. Of types that are kept for less long (event_types.h) the data goes first, and the
// event stays in its place, so that nobody's position is lost by that.
#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/executor.h"
#include "base/timer_queue.h"
#include "store/database.h"

namespace weir::streaming {

struct RetentionSettings {
  std::chrono::hours keep{30 * 24};          // by age
  std::int64_t per_resource = 10'000;        // by count
  std::chrono::milliseconds between{5'000};  // slices
};

// Thread-safe. Shared by its owner and the slice under way; the last of them lets go.
class EventRetention : public std::enable_shared_from_this<EventRetention> {
  struct Private {};

 public:
  // Resources that one slice looks at.
  static constexpr std::int64_t kResourcesPerSlice = 100;

  // All must outlive the object and what the executor still runs of it.
  static std::shared_ptr<EventRetention> create(const RetentionSettings& settings, store::Database& database,
                                                const Clock& clock);
  EventRetention(Private, const RetentionSettings& settings, store::Database& database, const Clock& clock);

  // The next slice. Returns the number of events that it deleted. Blocks for one small transaction.
  Result<std::int64_t> trim_some();

  // Runs slices on `executor` from now on, one each `between`.
  void start(TimerQueue& timers, Executor& executor);
  // No slice begins after this.
  void stop();

 private:
  void arm();

  const RetentionSettings settings_;
  store::Database& database_;
  const Clock& clock_;
  std::mutex slice_mutex_;  // one slice at a time; guards the next
  std::string last_resource_id_;
  std::mutex mutex_;              // guards what follows
  TimerQueue* timers_ = nullptr;  // null: not started, or stopped
  Executor* executor_ = nullptr;
  TimerQueue::Id timer_ = 0;
};

}  // namespace weir::streaming

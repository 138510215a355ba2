// What the sender should look at: endpoints for which something became due, or that were changed. Written by whoever
// commits, read by the sender; a lost notice would only delay it until its next look at the database.
#pragma once
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "base/guarded.h"

namespace weir::streaming {

// At most one entry for each endpoint there is. Thread-safe.
class WebhookNotices {
 public:
  struct Taken {
    std::set<std::string> due;
    std::set<std::string> changed;
  };

  // `wake` is called after each notice, on the notifier's thread; it must not block. Set before anyone else knows this.
  void wake_with(std::function<void()> wake) { wake_ = std::move(wake); }

  void note_due(const std::string& webhook_id) {
    taken_.with([&](Taken& taken) { taken.due.insert(webhook_id); });
    if (wake_) wake_();
  }
  // Its URL, secrets or state are others than the sender may remember.
  void note_changed(const std::string& webhook_id) {
    taken_.with([&](Taken& taken) { taken.changed.insert(webhook_id); });
    if (wake_) wake_();
  }
  Taken take() {
    return taken_.with([](Taken& taken) { return std::exchange(taken, {}); });
  }

 private:
  Guarded<Taken> taken_;
  std::function<void()> wake_;
};

}  // namespace weir::streaming

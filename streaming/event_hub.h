// Fans committed events out to whoever is subscribed now. Keeps no history: that is the log's.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "streaming/event.h"

namespace weir::streaming {

// What a publisher hands to every subscriber of an event. The frames are its SSE text, encoded once and shared: `frame` for
// readers of the resource, `account_frame` for those of the account, whose position is another. Null if whoever published
// it did not encode it.
struct Published {
  std::shared_ptr<const Event> event;
  std::shared_ptr<const std::string> frame;
  std::shared_ptr<const std::string> account_frame = nullptr;
};

// Receives events until it is destroyed; then the hub forgets it. No call of the receiver starts after the destructor has
// returned, but one that another thread began before may still be running: so that nobody has to wait for anybody (a
// reader that closes while it is written to would wait for itself), a receiver holds what it touches by weak_ptr or
// shared_ptr, never by a bare pointer. Thread-safe.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

// For the readers of streams, of whom there may be thousands: takes whole batches. Thread-safe.
class BatchReceiver {
 public:
  virtual ~BatchReceiver() = default;
  // In the order of the feed's sequence, one call after the other; events may be missing, which are in the log then. Must
  // not block or publish. It may end its own subscription.
  virtual void receive(const std::vector<Published>& batch) = 0;
};

// Thread-safe.
class EventHub {
 public:
  virtual ~EventHub() = default;
  // Called on the publisher's thread, in the order of seq for one resource; must not block, publish or subscribe.
  // It may destroy its own subscription.
  using Receiver = std::function<void(const Published&)>;
  // Makes the frames of an event.
  using Encoder = std::function<Published(std::shared_ptr<const Event>)>;

  // Events of one resource from now on. Null if kSubscriptionsMax are open (*refuse*).
  virtual std::shared_ptr<Subscription> subscribe(std::string_view resource_id, Receiver receiver) = 0;
  // Events of one account from now on.
  virtual std::shared_ptr<Subscription> subscribe_account(std::string_view account_id, Receiver receiver) = 0;
  // Events of a feed in batches, on the hub's executor if it has one: while one batch goes round, what is published
  // gathers into the next, so that a burst costs each reader one write and the publisher waits for nobody. Beyond
  // kGatheredMax events the oldest are dropped. Null if kSubscriptionsMax are open.
  virtual std::shared_ptr<Subscription> join(const Feed& feed, std::weak_ptr<BatchReceiver> receiver) = 0;

  virtual void publish(const Published& published) = 0;
  // The same, but the frames are only made if somebody follows the event's resource or account.
  virtual void publish(std::shared_ptr<const Event> event, const Encoder& encode) = 0;
  [[nodiscard]] virtual std::size_t subscriptions() const = 0;

  static constexpr std::size_t kSubscriptionsMax = 100'000;
  static constexpr std::size_t kGatheredMax = 4'096;
  // Batches go round on the publisher's thread.
  static std::unique_ptr<EventHub> create();
  // `executor` must outlive the hub and what it still has to run.
  static std::unique_ptr<EventHub> create(Executor& executor);
};

}  // namespace weir::streaming

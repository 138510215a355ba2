// Fans committed events out to whoever is subscribed now. Keeps no history: that is the log's.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "streaming/event.h"

namespace weir::streaming {

// What a publisher hands to every subscriber of an event. `frame` is its SSE text, encoded once and shared.
struct Published {
  std::shared_ptr<const Event> event;
  std::shared_ptr<const std::string> frame;
};

// Receives events until it is destroyed; then the hub forgets it. No call of the receiver starts after the destructor has
// returned, but one that another thread began before may still be running: so that nobody has to wait for anybody (a
// reader that closes while it is written to would wait for itself), a receiver holds what it touches by weak_ptr or
// shared_ptr, never by a bare pointer. Thread-safe.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

// Thread-safe.
class EventHub {
 public:
  virtual ~EventHub() = default;
  // Called on the publisher's thread, in the order of seq for one resource; must not block, publish or subscribe.
  // It may destroy its own subscription.
  using Receiver = std::function<void(const Published&)>;

  // Events of one resource from now on. Null if kSubscriptionsMax are open (*refuse*).
  virtual std::shared_ptr<Subscription> subscribe(std::string_view resource_id, Receiver receiver) = 0;
  // Events of one account from now on.
  virtual std::shared_ptr<Subscription> subscribe_account(std::string_view account_id, Receiver receiver) = 0;
  virtual void publish(const Published& published) = 0;
  [[nodiscard]] virtual std::size_t subscriptions() const = 0;

  static constexpr std::size_t kSubscriptionsMax = 100'000;
  static std::unique_ptr<EventHub> create();
};

}  // namespace weir::streaming

// Hears what is published on one Redis channel. A connection of its own, as Redis demands of subscribers. Messages that are
// published while there is no connection are lost: who cannot bear that looks elsewhere from time to time.
#pragma once
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "limits/redis_settings.h"

namespace weir::limits {

// Connects, and connects again with growing pauses, until it ends. Thread-safe.
class RedisSubscriber {
 public:
  // Called on the subscriber's thread for each message; must not block for long.
  using Receiver = std::function<void(std::string_view)>;

  RedisSubscriber(RedisSettings settings, std::string channel, Receiver receiver);
  // No call of the receiver starts or goes on after this has returned. Blocks up to a second if a connection is being made.
  ~RedisSubscriber();
  RedisSubscriber(const RedisSubscriber&) = delete;
  RedisSubscriber& operator=(const RedisSubscriber&) = delete;

 private:
  class Link;

  void run(const std::stop_token& stop);

  const RedisSettings settings_;
  const std::string channel_;
  const Receiver receiver_;
  const int wake_;
  std::jthread thread_;  // "weir-hints"
};

}  // namespace weir::limits

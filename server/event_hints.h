// Tells the other nodes that share this database that events were committed here, and hears the same from them, by a Redis
// channel. Hints only: the event log is the truth, and streaming/cluster_hub makes up for what is lost.
#pragma once
#include <functional>
#include <string>

#include "limits/redis_connection.h"
#include "limits/redis_subscriber.h"
#include "streaming/cluster_hub.h"

namespace weir::server {

// Thread-safe.
class EventHints {
 public:
  using Receiver = std::function<void(const streaming::EventHint&)>;

  // `installation`: what the nodes of one database have in common (its epoch); `node`: what tells them apart. `receiver` is
  // called on a thread of its own and must not block for long.
  EventHints(const limits::RedisSettings& redis, const std::string& installation, std::string node, Receiver receiver);

  // Never blocks; lost if Redis is away.
  void tell(const streaming::EventHint& hint);

 private:
  const std::string channel_;
  const std::string node_;
  limits::RedisConnection publisher_;
  limits::RedisSubscriber subscriber_;
};

}  // namespace weir::server

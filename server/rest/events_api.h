// GET /v1/events and GET /v1/scans/{scan_id}/events: Server-Sent Events (a snapshot, what followed, the end after the
// terminal event of a resource), or pages of JSON for callers that ask for application/json.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/executor.h"
#include "base/random.h"
#include "base/timer_queue.h"
#include "server/http/exchange.h"
#include "server/rest/reply.h"
#include "server/rest/stream_resources.h"
#include "server/stream_tokens.h"
#include "store/database.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"
#include "streaming/event_stream.h"

namespace weir::rest {

// How long a client that lost its stream waits before it comes back.
inline constexpr int kStreamRetryMs = 2'000;
inline constexpr std::int64_t kEventPageDefault = 100;

// What the streams work with; every member outlives them. Not thread-safe: a set of references.
struct EventsParts {
  store::Database& database;
  streaming::EventLog& log;
  streaming::EventHub& hub;
  Executor& executor;
  server::StreamTokens* tokens = nullptr;  // null: no stream is opened with one
  // After `lifetime`, a tenth more or less, a stream is closed and its reader comes back, so that a load balancer may
  // send it elsewhere; 0: never. Needs `timers` and `random`.
  std::chrono::seconds lifetime{0};
  TimerQueue* timers = nullptr;
  Random* random = nullptr;
};

// Who asks for which events. Not thread-safe: a value.
struct EventsCall {
  std::string account_id;
  std::string_view resource_type;  // "" : the events of the account
  std::string resource_id;
  std::optional<std::string> token_hash;  // of the token that opened it
  bool shows_runs = true;                 // false: the events of the account's runs are left out
};

// Thread-safe.
class EventsApi {
 public:
  explicit EventsApi(const EventsParts& parts) : parts_(parts) {}

  // Answers `exchange`: 204 to a reader that comes back with the last id of an ended resource, not_found if the account has no such resource, validation_failed for a wrong `limit`, `after`,
  // `types` or `resource`.
  void serve(const std::shared_ptr<http::Exchange>& exchange, const ReplyContext& context, const EventsCall& call);

 private:
  http::Response page(const http::Request& request, const ReplyContext& context, const streaming::Feed& feed,
                      const streaming::EventFilter& filter);
  void stream(const std::shared_ptr<http::Exchange>& exchange, const ReplyContext& context, const EventsCall& call,
              streaming::StreamStart start);
  bool has_seen_the_end(const http::Request& request, const streaming::Feed& feed);
  Result<streaming::StreamSnapshot> snapshot(const EventsCall& call, const streaming::Feed& feed);
  TimerQueue::Id end_later(const std::shared_ptr<streaming::EventStream>& stream);

  const EventsParts parts_;
};

}  // namespace weir::rest

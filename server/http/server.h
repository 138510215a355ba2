// The connection layer: one epoll shared by a handful of workers, a framer that collects whole requests, and
// cpp-httplib only as the parser of what the framer has vetted (docs/architecture.md, "HTTP").
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/executor.h"
#include "base/result.h"
#include "base/timer_queue.h"
#include "server/http/exchange.h"

namespace weir::http {

struct ServerSettings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: the kernel chooses
  unsigned workers = 8;
  std::size_t head_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 1024 * 1024;
  // Of all unfinished requests together; a large one that would exceed it is answered 503.
  std::size_t buffered_bytes_max = std::size_t{256} * 1024 * 1024;
  std::size_t connections_max = 20'000;
  std::size_t connections_per_address_max = 10'000;
  std::chrono::milliseconds head_timeout{10'000};   // from the first byte to the end of the head
  std::chrono::milliseconds body_timeout{30'000};   // from the end of the head to the end of the body
  std::chrono::milliseconds idle_timeout{60'000};   // between requests of a kept-alive connection
  std::chrono::milliseconds write_timeout{30'000};  // without progress while a reply waits to be sent
  std::chrono::milliseconds stop_timeout{10'000};   // how long running calls may take after stop()
  std::chrono::milliseconds stream_heartbeat{15'000};
  std::chrono::milliseconds stream_retry{2'000};  // told to readers when the server stops
  std::size_t stream_pending_bytes_max = 256 * 1024;
  std::size_t stream_pending_frames_max = 1'000;
};

struct ServerStats {
  std::size_t connections = 0;
  std::size_t streams = 0;
  std::size_t waiting_exchanges = 0;
  std::uint64_t requests = 0;
  std::uint64_t refused_connections = 0;
  std::uint64_t slow_readers_closed = 0;
  std::size_t posted_work = 0;  // waits for a worker
};

// Must not block longer than a database call; anything longer keeps the exchange and replies later. An
// exception that escapes is logged and answered 500.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

// Makes the answers that the connection layer gives by itself: a malformed request, a timeout, too many
// connections, a handler that failed. Called on any thread with locks held: must not block, throw or call the
// server. `message` is one sentence for the client.
using ErrorBody = std::function<Response(int status, std::string_view message)>;

// The product's JSON error object with a fresh request id, also as X-Request-ID; used unless set_error_body()
// gives another.
Response default_error_body(int status, std::string_view message);

// The workers are also the executor on which continuations run. Thread-safe.
class Server : public Executor {
 public:
  // Binds and listens, so that a taken port is known before anything starts. `timers` must outlive the server.
  // Returns unavailable, naming host and port, if that fails.
  static Result<std::unique_ptr<Server>> open(const ServerSettings& settings, TimerQueue& timers);

  // The port that is listened on, also when 0 was asked for.
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  // Called at most once, before start().
  virtual void set_error_body(ErrorBody error_body) = 0;
  // Starts the workers; called once.
  virtual void start(Handler handler) = 0;
  // Graceful: no new connections, idle ones close, running exchanges finish, streams end with a `retry:` field;
  // after `stop_timeout` the rest is cut. Then the workers end. Blocks up to `stop_timeout` and a little.
  // Called by the destructor.
  virtual void stop() = 0;
  [[nodiscard]] virtual ServerStats stats() const = 0;
};

}  // namespace weir::http

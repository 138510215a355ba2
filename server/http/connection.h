// One client's socket: reads requests through a framer, hands them to the handler one after the other, and writes
// the answers and streams. Any thread may answer; only workers read.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "server/http/connection_table.h"
#include "server/http/exchange.h"
#include "server/http/file_descriptor.h"
#include "server/http/framer.h"
#include "server/http/out_queue.h"
#include "server/http/request_parser.h"
#include "server/http/response_head.h"

namespace weir::http {

class ConnectionExchange;
class ConnectionStream;
class Reactor;

// What a worker lends to the connection that it serves. Not thread-safe: owned by one worker.
struct WorkerTools {
  std::vector<char> read_buffer;
  RequestParser parser;
};

// Callbacks and last references that must go only when no lock is held: made before the lock, so destroyed
// after it. Not thread-safe: a local variable.
class AfterUnlock {
 public:
  AfterUnlock() = default;
  ~AfterUnlock();
  AfterUnlock(const AfterUnlock&) = delete;
  AfterUnlock& operator=(const AfterUnlock&) = delete;

  void call(std::function<void()> callback) {
    if (callback) callbacks_.push_back(std::move(callback));
  }
  void drop(std::shared_ptr<void> last) { dropped_.push_back(std::move(last)); }

 private:
  std::vector<std::function<void()>> callbacks_;
  std::vector<std::shared_ptr<void>> dropped_;
};

// Thread-safe. Shared by the table, its exchange and its stream; the last of them lets go.
//
// While a worker is busy with the connection nobody else arms its descriptor; whoever changes the state of a
// connection that no worker holds arms it again. Between requests and during a stream it keeps no buffers.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Reactor> reactor, FileDescriptor socket, std::string peer_address, ConnectionToken token);
  ~Connection();

  // Called once, when the table holds the connection.
  void open();
  // The socket is ready: called by the worker that epoll woke. Runs the handler.
  void on_ready(std::uint32_t events, WorkerTools& tools);
  // The deadline given to the table may have passed.
  void on_deadline();
  // The server stops: idle connections close, streams end, a running exchange is the last one.
  void drain();
  // Closes at once, whatever is under way.
  void cut();

  // The halves of Exchange and SseStream that need the connection; see there.
  bool answer(ConnectionExchange& exchange, Response response);
  std::shared_ptr<SseStream> start_stream(ConnectionExchange& exchange, Response response);
  void abandon(ConnectionExchange& exchange);
  void on_departed(ConnectionExchange& exchange, std::function<void()> callback);
  bool send_frames(ConnectionStream& stream, std::span<const std::shared_ptr<const std::string>> frames);
  void when_stream_drained(ConnectionStream& stream, std::function<void()> callback);
  void end_stream(ConnectionStream& stream);
  void on_stream_closed(ConnectionStream& stream, std::function<void()> callback);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  enum class State : std::uint8_t {
    reading,    // collecting a request, or flushing the answer to the last one
    waiting,    // an exchange is not answered
    streaming,  // an SSE stream is open
    ending,     // what is queued is sent, then the connection closes
    lingering,  // all is sent; input is thrown away until the peer has read the answer (RFC 9112 §9.6)
    closed,
  };
  enum class Timer : std::uint8_t { none, idle, head, body, write, linger, heartbeat };

  // All of these need mutex_; those that take it may release it for the handler.
  RequestFramer& framer();
  void serve(std::unique_lock<std::mutex>& lock, AfterUnlock& after, WorkerTools& tools);
  bool receive(WorkerTools& tools, AfterUnlock& after);
  void run_handler(std::unique_lock<std::mutex>& lock, AfterUnlock& after, WorkerTools& tools);
  void refuse(const Refusal& refusal, AfterUnlock& after);
  [[nodiscard]] bool report_buffered();
  void after_flush(OutQueue::Flushed flushed, AfterUnlock& after);
  bool reply_now(Response response, AfterUnlock& after);
  void end_stream_now(AfterUnlock& after);
  void close_slow_reader(AfterUnlock& after);
  void add_to_stream(std::shared_ptr<const std::string> frame);
  [[nodiscard]] bool is_too_slow_for(const std::string& frame) const;
  void settle_exchange(AfterUnlock& after);
  void peer_left(AfterUnlock& after);
  void linger(AfterUnlock& after);
  void discard_input(AfterUnlock& after);
  void close(AfterUnlock& after);
  void rearm();
  void start_timer(Timer timer);
  void start_read_timer();
  [[nodiscard]] std::chrono::milliseconds duration_of(Timer timer) const;

  const std::shared_ptr<Reactor> reactor_;
  const std::string peer_address_;
  const ConnectionToken token_;

  std::mutex mutex_;  // guards the rest
  FileDescriptor socket_;
  State state_ = State::reading;
  Timer timer_ = Timer::none;
  bool is_worker_busy_ = false;  // a worker is in on_ready()
  bool has_peer_half_closed_ = false;
  bool closes_after_reply_ = false;
  bool lingers_ = false;  // unread input is expected when the connection ends
  bool is_head_request_ = false;
  bool is_stream_chunked_ = false;
  int minor_version_ = 1;  // of the current request
  TimePoint deadline_ = TimePoint::max();
  std::size_t discarded_bytes_ = 0;
  std::size_t reported_bytes_ = 0;         // held by the framer, as the reactor knows it
  std::unique_ptr<RequestFramer> framer_;  // made when needed: a quiet stream has none
  OutQueue out_;
  ConnectionExchange* exchange_ = nullptr;  // not ours; it says goodbye in abandon()
  std::shared_ptr<ConnectionStream> stream_;
};

}  // namespace weir::http

// The writing half of Connection: answers, streams, and what happens when the socket has taken them.
#include <sys/epoll.h>

#include <utility>

#include "base/log.h"
#include "server/http/connection.h"
#include "server/http/connection_exchange.h"
#include "server/http/head_rules.h"
#include "server/http/reactor.h"

namespace weir::http {
namespace {

constexpr int kStatusMin = 200;  // handlers give final answers only
constexpr int kStatusMax = 599;
constexpr std::string_view kLastChunk = "0\r\n\r\n";

bool asks_to_close(const Response& response) {
  const auto value = response.headers.find("Connection");
  return value && list_holds(*value, "close");
}

void add_if_absent(Headers& headers, std::string_view name, std::string_view value) {
  if (headers.count(name) == 0) headers.add(std::string(name), std::string(value));
}

}  // namespace

bool Connection::answer(ConnectionExchange& exchange, Response response) {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  if (exchange_ != &exchange || state_ != State::waiting) return false;
  settle_exchange(after);
  const bool is_taken = reply_now(std::move(response), after);
  if (!is_worker_busy_) rearm();
  return is_taken;
}

// The exchange is answered, or will never be: the connection forgets it.
void Connection::settle_exchange(AfterUnlock& after) {
  // The callback may hold the exchange itself; it is dropped without being called.
  if (exchange_->departed_) {
    after.drop(std::make_shared<std::function<void()>>(std::exchange(exchange_->departed_, nullptr)));
  }
  exchange_ = nullptr;
  reactor_->counters().waiting_exchanges.fetch_sub(1, std::memory_order_relaxed);
}

bool Connection::reply_now(Response response, AfterUnlock& after) {
  if (response.status < kStatusMin || response.status > kStatusMax) {
    log::error("http.invalid_status", {{"status", response.status}});
    response = reactor_->error_response(500, "The server failed to answer this request.");
  }
  closes_after_reply_ = closes_after_reply_ || asks_to_close(response) || reactor_->is_draining();
  std::string head = response_head(response, {.minor_version = minor_version_, .keeps_alive = !closes_after_reply_});
  if (is_head_request_ || !status_has_body(response.status)) response.body.clear();
  state_ = closes_after_reply_ ? State::ending : State::reading;
  const OutQueue::Flushed flushed = out_.send(socket_.get(), std::move(head), std::move(response.body));
  after_flush(flushed, after);
  return flushed != OutQueue::Flushed::gone;
}

// What follows from the state of the out queue: wait for the reader, or go on to the next phase.
void Connection::after_flush(OutQueue::Flushed flushed, AfterUnlock& after) {
  switch (flushed) {
    case OutQueue::Flushed::gone: return close(after);
    case OutQueue::Flushed::some:
      start_timer(Timer::write);  // from here: progress restarts it
      return;
    case OutQueue::Flushed::all: break;
  }
  switch (state_) {
    case State::ending:
      if (lingers_) {
        linger(after);
      } else {
        close(after);
      }
      break;
    case State::reading: start_read_timer(); break;
    case State::streaming:
      if (timer_ != Timer::heartbeat) start_timer(Timer::heartbeat);
      if (stream_->drained_) after.call(std::exchange(stream_->drained_, nullptr));
      break;
    case State::waiting:
    case State::lingering:
    case State::closed: break;
  }
}

// The handler let go of the exchange without answering it.
void Connection::abandon(ConnectionExchange& exchange) {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  if (exchange_ != &exchange || state_ != State::waiting) return;
  if (!has_peer_half_closed_) log::error("http.exchange_dropped", {{"path", exchange.request_.path}});
  settle_exchange(after);
  reply_now(reactor_->error_response(500, "The server failed to answer this request."), after);
  if (!is_worker_busy_) rearm();
}

void Connection::on_departed(ConnectionExchange& exchange, std::function<void()> callback) {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  if (exchange.has_departed_) {
    after.call(std::move(callback));
  } else if (exchange_ == &exchange) {
    std::swap(exchange.departed_, callback);
    after.drop(std::make_shared<std::function<void()>>(std::move(callback)));
  } else {
    after.drop(std::make_shared<std::function<void()>>(std::move(callback)));
  }
}

std::shared_ptr<SseStream> Connection::start_stream(ConnectionExchange& exchange, Response response) {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  if (exchange_ != &exchange || state_ != State::waiting || has_peer_half_closed_) return nullptr;
  settle_exchange(after);
  response.status = 200;
  response.content_type = "text/event-stream";
  response.body.clear();
  add_if_absent(response.headers, "Cache-Control", "no-cache, no-transform");
  add_if_absent(response.headers, "X-Accel-Buffering", "no");
  if (is_head_request_ || reactor_->is_draining()) {
    if (!is_head_request_) response = reactor_->error_response(503, "The server is stopping; connect again soon.");
    reply_now(std::move(response), after);
    if (!is_worker_busy_) rearm();
    return nullptr;
  }
  is_stream_chunked_ = minor_version_ > 0;
  if (!is_stream_chunked_ || asks_to_close(response)) closes_after_reply_ = true;
  const HeadPlan plan{.minor_version = minor_version_,
                      .keeps_alive = !closes_after_reply_,
                      .framing = is_stream_chunked_ ? BodyFraming::chunked : BodyFraming::closed};
  if (framer().buffered_bytes() == 0) framer_.reset();
  auto stream = std::make_shared<ConnectionStream>(shared_from_this());
  stream_ = stream;
  state_ = State::streaming;
  reactor_->counters().streams.fetch_add(1, std::memory_order_relaxed);
  start_timer(Timer::heartbeat);
  after_flush(out_.send(socket_.get(), response_head(response, plan), {}), after);
  if (!is_worker_busy_) rearm();
  return stream;
}

void Connection::add_to_stream(std::shared_ptr<const std::string> frame) {
  if (is_stream_chunked_) {
    out_.add_chunk(std::move(frame));
  } else {
    out_.add_frame(std::move(frame));
  }
}

bool Connection::is_too_slow_for(const std::string& frame) const {
  const ServerSettings& settings = reactor_->settings();
  return !out_.is_empty() && (out_.bytes() + frame.size() > settings.stream_pending_bytes_max ||
                              out_.segments() + 1 > settings.stream_pending_frames_max);
}

bool Connection::send_frames(ConnectionStream& stream, std::span<const std::shared_ptr<const std::string>> frames) {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  if (stream_.get() != &stream) return false;
  const bool was_idle = out_.is_empty();
  for (const auto& frame : frames) {
    // A batch may be larger than what may wait: what the socket takes does not wait.
    if (is_too_slow_for(*frame) && was_idle && out_.flush(socket_.get()) == OutQueue::Flushed::gone) {
      close(after);
      return false;
    }
    if (is_too_slow_for(*frame)) {
      close_slow_reader(after);
      return false;
    }
    add_to_stream(frame);
  }
  if (!was_idle) return true;  // EPOLLOUT is already asked for
  after_flush(out_.flush(socket_.get()), after);
  if (!out_.is_empty() && !is_worker_busy_) rearm();
  return state_ != State::closed;
}

void Connection::when_stream_drained(ConnectionStream& stream, std::function<void()> callback) {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  if (stream_.get() == &stream && out_.is_empty()) {
    after.call(std::move(callback));
    return;
  }
  if (stream_.get() == &stream) std::swap(stream.drained_, callback);
  after.drop(std::make_shared<std::function<void()>>(std::move(callback)));
}

void Connection::close_slow_reader(AfterUnlock& after) {
  static const auto comment =
      std::make_shared<const std::string>(":closed because the reader is too slow; resume with Last-Event-ID\n\n");
  reactor_->counters().slow_readers_closed.fetch_add(1, std::memory_order_relaxed);
  // The reader resumes by id, so what has not begun to be sent need not be kept for it.
  out_.drop_unsent();
  add_to_stream(comment);
  closes_after_reply_ = true;
  end_stream_now(after);
  after_flush(out_.flush(socket_.get()), after);
  if (!is_worker_busy_) rearm();
}

void Connection::end_stream(ConnectionStream& stream) {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  if (stream_.get() != &stream) return;
  end_stream_now(after);
  after_flush(out_.flush(socket_.get()), after);
  if (!is_worker_busy_) rearm();
}

// Ends the body behind what is queued. The caller flushes; on a closed connection there is nothing to end.
void Connection::end_stream_now(AfterUnlock& after) {
  if (state_ != State::closed) {
    if (is_stream_chunked_) out_.add(std::string(kLastChunk));
    state_ = closes_after_reply_ ? State::ending : State::reading;
  }
  stream_->is_closed_.store(true, std::memory_order_release);
  after.call(std::exchange(stream_->closed_, nullptr));
  if (stream_->drained_) {
    after.drop(std::make_shared<std::function<void()>>(std::exchange(stream_->drained_, nullptr)));
  }
  after.drop(std::move(stream_));
  stream_.reset();
  reactor_->counters().streams.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::on_stream_closed(ConnectionStream& stream, std::function<void()> callback) {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  if (stream.is_closed_.load(std::memory_order_acquire)) {
    after.call(std::move(callback));
    return;
  }
  std::swap(stream.closed_, callback);
  after.drop(std::make_shared<std::function<void()>>(std::move(callback)));
}

}  // namespace weir::http

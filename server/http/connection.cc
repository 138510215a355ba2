// The reading half: readiness, framing, the handler, deadlines and the end. Answers: connection_replies.cc.
#include "server/http/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "base/log.h"
#include "server/http/connection_exchange.h"
#include "server/http/reactor.h"

namespace weir::http {
namespace {

// A connection with many pipelined requests lets others in after this many.
constexpr int kRequestsPerWake = 16;
// How long, and for how much, input is thrown away after a final answer: enough for a client that sends its
// whole body before it reads.
constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr std::size_t kLingerBytesMax = std::size_t{32} * 1024 * 1024;
constexpr std::size_t kLingerBytesPerWake = std::size_t{512} * 1024;
constexpr std::size_t kSmallRequestBytes = 64 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

AfterUnlock::~AfterUnlock() {
  for (const auto& callback : callbacks_) {
    try {
      callback();
    } catch (const std::exception& failure) {
      log::error("http.callback_failed", {{"cause", failure.what()}});
    }
  }
}

Connection::Connection(std::shared_ptr<Reactor> reactor, FileDescriptor socket, std::string peer_address,
                       ConnectionToken token)
    : reactor_(std::move(reactor)), peer_address_(std::move(peer_address)), token_(token), socket_(std::move(socket)) {}

Connection::~Connection() = default;

RequestFramer& Connection::framer() {
  if (framer_ == nullptr) {
    framer_ = std::make_unique<RequestFramer>(FramerLimits{.head_bytes_max = reactor_->settings().head_bytes_max,
                                                           .body_bytes_max = reactor_->settings().body_bytes_max});
  }
  return *framer_;
}

void Connection::open() {
  const std::lock_guard lock(mutex_);
  start_timer(Timer::idle);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = token_;
  if (epoll_ctl(reactor_->epoll(), EPOLL_CTL_ADD, socket_.get(), &event) != 0) {
    log::error("http.watch_failed", {{"errno", errno}});
  }
}

void Connection::on_ready(std::uint32_t events, WorkerTools& tools) {
  AfterUnlock after;
  std::unique_lock lock(mutex_);
  // An event that was under way when another worker took the connection: that worker arms it again.
  if (state_ == State::closed || is_worker_busy_) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return close(after);
  is_worker_busy_ = true;
  if ((events & EPOLLRDHUP) != 0) peer_left(after);
  if (state_ != State::closed && !out_.is_empty()) after_flush(out_.flush(socket_.get()), after);
  if (state_ == State::lingering) discard_input(after);
  if (state_ == State::reading && out_.is_empty()) serve(lock, after, tools);
  is_worker_busy_ = false;
  rearm();
}

void Connection::serve(std::unique_lock<std::mutex>& lock, AfterUnlock& after, WorkerTools& tools) {
  bool has_received = false;
  for (int served = 0; served < kRequestsPerWake;) {
    const RequestFramer::Progress progress = framer().progress();
    if (progress == RequestFramer::Progress::refused) return refuse(framer().refusal(), after);
    if (progress == RequestFramer::Progress::complete) {
      run_handler(lock, after, tools);
      ++served;
      if (state_ != State::reading || !out_.is_empty()) return;
      continue;
    }
    if (framer().takes_continue()) {
      after_flush(out_.send(socket_.get(), std::string(kContinue), {}), after);
      if (state_ != State::reading || !out_.is_empty()) return;
    }
    if (has_peer_half_closed_) return close(after);  // what is there will never become a request
    if (has_received) break;
    // Once a wake-up: if there is more, epoll says so at once, and others get their turn.
    has_received = true;
    if (!receive(tools, after)) break;
  }
  if (state_ != State::reading) return;
  start_read_timer();
  if (!report_buffered()) refuse({503, "The server holds too many unfinished requests; try again soon."}, after);
}

// Small requests are not counted, so that they are served while large ones are refused.
bool Connection::report_buffered() {
  const std::size_t held = framer().held_bytes() > kSmallRequestBytes ? framer().held_bytes() : 0;
  if (held == reported_bytes_) return true;
  const bool is_accepted = reactor_->note_buffered(std::exchange(reported_bytes_, held), held);
  return is_accepted || held == 0;
}

// False if there is nothing new to look at.
bool Connection::receive(WorkerTools& tools, AfterUnlock& after) {
  const ssize_t received = recv(socket_.get(), tools.read_buffer.data(), tools.read_buffer.size(), MSG_DONTWAIT);
  if (received > 0) {
    framer().feed({tools.read_buffer.data(), static_cast<std::size_t>(received)});
    return true;
  }
  if (received == 0) {
    has_peer_half_closed_ = true;
    return true;
  }
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) close(after);
  return false;
}

void Connection::run_handler(std::unique_lock<std::mutex>& lock, AfterUnlock& after, WorkerTools& tools) {
  FramedRequest framed = framer().take();
  reactor_->note_buffered(std::exchange(reported_bytes_, 0), 0);
  minor_version_ = framed.head.minor_version;
  closes_after_reply_ = !framed.meaning.keeps_alive || reactor_->is_draining();
  is_head_request_ = framed.head.method == "HEAD";
  Request request;
  if (const auto refusal = tools.parser.parse(std::move(framed), request)) return refuse(*refusal, after);
  request.peer_address = peer_address_;
  reactor_->counters().requests.fetch_add(1, std::memory_order_relaxed);
  reactor_->counters().waiting_exchanges.fetch_add(1, std::memory_order_relaxed);
  start_timer(Timer::none);
  state_ = State::waiting;
  auto exchange = std::make_shared<ConnectionExchange>(shared_from_this(), std::move(request));
  exchange_ = exchange.get();

  lock.unlock();
  try {
    reactor_->handler(exchange);
  } catch (const std::exception& failure) {
    log::error("http.handler_failed", {{"path", exchange->request().path}, {"cause", failure.what()}});
    exchange->reply(reactor_->error_response(500, "The server failed to answer this request."));
  } catch (...) {
    log::error("http.handler_failed", {{"path", exchange->request().path}, {"cause", "not a std::exception"}});
    exchange->reply(reactor_->error_response(500, "The server failed to answer this request."));
  }
  exchange.reset();  // answers 500 if the handler kept nothing
  lock.lock();
}

void Connection::refuse(const Refusal& refusal, AfterUnlock& after) {
  closes_after_reply_ = true;
  lingers_ = true;
  is_head_request_ = false;
  reply_now(reactor_->error_response(refusal.status, refusal.message), after);
}

// Rule for a peer that sends FIN while its request is answered: it may have gone, or only shut down its sending
// side. What waits is told that it departed; an answer is still tried. A stream ends: its readers keep both sides.
void Connection::peer_left(AfterUnlock& after) {
  if (state_ == State::streaming) return close(after);
  if (state_ != State::waiting) return;
  has_peer_half_closed_ = true;
  closes_after_reply_ = true;
  if (exchange_ == nullptr || exchange_->has_departed_) return;
  exchange_->has_departed_ = true;
  after.call(std::exchange(exchange_->departed_, nullptr));
}

void Connection::linger(AfterUnlock& after) {
  // Closing with unread input would make the kernel send RST, and the peer might never see the answer.
  if (shutdown(socket_.get(), SHUT_WR) != 0) return close(after);
  state_ = State::lingering;
  start_timer(Timer::linger);
  framer().abandon();
  reactor_->note_buffered(std::exchange(reported_bytes_, 0), 0);
}

void Connection::discard_input(AfterUnlock& after) {
  // tcp(7): MSG_TRUNC throws the bytes away without copying them.
  const ssize_t discarded = recv(socket_.get(), nullptr, kLingerBytesPerWake, MSG_DONTWAIT | MSG_TRUNC);
  if (discarded < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (discarded <= 0) return close(after);
  discarded_bytes_ += static_cast<std::size_t>(discarded);
  if (discarded_bytes_ > kLingerBytesMax) close(after);
}

void Connection::close(AfterUnlock& after) {
  if (state_ == State::closed) return;
  const bool was_streaming = state_ == State::streaming;
  state_ = State::closed;
  if (exchange_ != nullptr) {
    if (!std::exchange(exchange_->has_departed_, true)) after.call(std::exchange(exchange_->departed_, nullptr));
    settle_exchange(after);
  }
  if (was_streaming) end_stream_now(after);
  out_.clear();
  reactor_->note_buffered(std::exchange(reported_bytes_, 0), 0);
  socket_.reset();
  reactor_->note_closed(token_, peer_address_);
}

void Connection::on_deadline() {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  if (state_ == State::closed || std::chrono::steady_clock::now() < deadline_) return;
  switch (timer_) {
    case Timer::none: return;
    case Timer::head: refuse({408, "The request head did not arrive in time."}, after); break;
    case Timer::body: refuse({408, "The request body did not arrive in time."}, after); break;
    case Timer::heartbeat: {
      static const auto heartbeat = std::make_shared<const std::string>(":\n\n");
      start_timer(Timer::heartbeat);
      add_to_stream(heartbeat);
      after_flush(out_.flush(socket_.get()), after);
      break;
    }
    case Timer::idle:
    case Timer::write:
    case Timer::linger: close(after); break;
  }
  if (!is_worker_busy_) rearm();
}

void Connection::drain() {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  closes_after_reply_ = true;
  if (state_ == State::streaming) {
    const auto retry_ms = reactor_->settings().stream_retry.count();
    add_to_stream(std::make_shared<const std::string>("retry: " + std::to_string(retry_ms) + "\n\n"));
    end_stream_now(after);
    after_flush(out_.flush(socket_.get()), after);
  } else if (state_ == State::reading && out_.is_empty() && framer().progress() == RequestFramer::Progress::empty) {
    close(after);
  }
  if (!is_worker_busy_) rearm();
}

void Connection::cut() {
  AfterUnlock after;
  const std::lock_guard lock(mutex_);
  close(after);
}

void Connection::rearm() {
  if (state_ == State::closed) return;
  std::uint32_t events = out_.is_empty() ? 0U : EPOLLOUT;
  switch (state_) {
    case State::reading: {
      if (!out_.is_empty()) break;
      const bool has_work = framer().progress() == RequestFramer::Progress::complete ||
                            framer().progress() == RequestFramer::Progress::refused;
      // The socket can be written, so asking for that wakes a worker at once.
      events |= has_work ? EPOLLOUT : EPOLLIN;
      break;
    }
    case State::waiting:
    case State::streaming:
      if (!has_peer_half_closed_) events |= EPOLLRDHUP;
      break;
    case State::lingering: events |= EPOLLIN; break;
    case State::ending:
    case State::closed: break;
  }
  if (framer_ != nullptr && framer_->buffered_bytes() == 0) framer_->release_memory();
  epoll_event event{};
  event.events = events | EPOLLONESHOT;
  event.data.u64 = token_;
  if (epoll_ctl(reactor_->epoll(), EPOLL_CTL_MOD, socket_.get(), &event) != 0) {
    log::error("http.watch_failed", {{"errno", errno}});
  }
}

void Connection::start_read_timer() {
  Timer wanted = Timer::idle;
  if (framer().progress() == RequestFramer::Progress::head) wanted = Timer::head;
  if (framer().progress() == RequestFramer::Progress::body) wanted = Timer::body;
  // Counted from the beginning of the phase: a byte now and then does not extend it.
  if (timer_ != wanted) start_timer(wanted);
}

void Connection::start_timer(Timer timer) {
  timer_ = timer;
  deadline_ = timer == Timer::none ? TimePoint::max() : std::chrono::steady_clock::now() + duration_of(timer);
  reactor_->table().set_deadline(token_, deadline_);
}

std::chrono::milliseconds Connection::duration_of(Timer timer) const {
  const ServerSettings& settings = reactor_->settings();
  switch (timer) {
    case Timer::none: break;
    case Timer::idle: return settings.idle_timeout;
    case Timer::head: return settings.head_timeout;
    case Timer::body: return settings.body_timeout;
    case Timer::write: return settings.write_timeout;
    case Timer::linger: return kLingerTime;
    case Timer::heartbeat: return settings.stream_heartbeat;
  }
  return {};
}

}  // namespace weir::http

#include "server/http/server.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "server/http/connection.h"
#include "server/http/listener.h"
#include "server/http/reactor.h"
#include "server/http/response_head.h"

namespace weir::http {
namespace {

constexpr int kAcceptsPerWake = 16;  // then others get their turn
constexpr std::size_t kReadBufferBytes = 64 * 1024;

// Tokens of what is no connection; see ConnectionToken.
constexpr std::uint64_t kWorkToken = 0;
constexpr std::uint64_t kStopToken = 1;
constexpr std::uint64_t kFirstListenerToken = 2;

class EpollServer final : public Server {
 public:
  EpollServer(const ServerSettings& settings, TimerQueue& timers, Listeners listeners)
      : reactor_(std::make_shared<Reactor>(settings, timers)), listeners_(std::move(listeners)) {}
  ~EpollServer() override { stop(); }

  [[nodiscard]] std::uint16_t port() const override { return listeners_.port; }
  void set_error_body(ErrorBody error_body) override { reactor_->error_body = std::move(error_body); }
  void start(Handler handler) override;
  void stop() override;
  [[nodiscard]] ServerStats stats() const override;
  bool post(std::function<void()> work) override { return reactor_->work().post(std::move(work)); }

 private:
  void watch(int descriptor, std::uint64_t token, std::uint32_t events);
  void watch_listeners();
  void run_worker(unsigned number);
  void dispatch(const epoll_event& event, WorkerTools& tools);
  void accept_some(std::size_t listener);
  void admit(Accepted accepted);
  void turn_away(Accepted accepted, int status, std::string_view message);

  const std::shared_ptr<Reactor> reactor_;
  Listeners listeners_;
  FileDescriptor stop_event_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::atomic<bool> is_stopping_{false};
  bool is_stopped_ = false;            // only the owner stops
  std::vector<std::jthread> workers_;  // last: end before what they use
};

void EpollServer::watch(int descriptor, std::uint64_t token, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  const int result = epoll_ctl(reactor_->epoll(), EPOLL_CTL_ADD, descriptor, &event);
  CHECK(result == 0 || errno == EEXIST, "epoll watches a descriptor of ours");
}

void EpollServer::watch_listeners() {
  for (std::size_t i = 0; i < listeners_.sockets.size(); ++i) {
    watch(listeners_.sockets[i].get(), kFirstListenerToken + i, EPOLLIN | EPOLLEXCLUSIVE);
  }
}

void EpollServer::start(Handler handler) {
  CHECK(workers_.empty() && !is_stopped_, "start() is called once");
  reactor_->handler = std::move(handler);
  reactor_->resume_accepting = [this] {
    if (!reactor_->is_draining()) watch_listeners();
  };
  watch(reactor_->work().wake_descriptor(), kWorkToken, EPOLLIN | EPOLLET);
  watch(stop_event_.get(), kStopToken, EPOLLIN);
  watch_listeners();
  for (unsigned number = 0; number < reactor_->settings().workers; ++number) {
    workers_.emplace_back([this, number] { run_worker(number); });
  }
}

void EpollServer::stop() {
  if (std::exchange(is_stopped_, true)) return;
  const auto deadline = std::chrono::steady_clock::now() + reactor_->settings().stop_timeout;
  reactor_->begin_draining();
  // shutdown() and not close(): a worker may be in accept() on this descriptor.
  for (const FileDescriptor& listener : listeners_.sockets) {
    epoll_ctl(reactor_->epoll(), EPOLL_CTL_DEL, listener.get(), nullptr);
    shutdown(listener.get(), SHUT_RDWR);
  }
  for (const auto& connection : reactor_->table().all()) connection->drain();
  if (!workers_.empty()) reactor_->wait_until_empty(deadline);
  for (const auto& connection : reactor_->table().all()) connection->cut();
  reactor_->stop_sweeping();
  reactor_->work().close();
  is_stopping_.store(true);
  const std::uint64_t one = 1;
  if (write(stop_event_.get(), &one, sizeof one) < 0) log::error("http.wake_failed");
  workers_.clear();
  // One that was accepted while the others were cut.
  for (const auto& connection : reactor_->table().all()) connection->cut();
  listeners_.sockets.clear();
  reactor_->handler = nullptr;
  reactor_->resume_accepting = nullptr;
}

ServerStats EpollServer::stats() const {
  Reactor::Counters& counters = reactor_->counters();
  return {.connections = reactor_->table().size(),
          .streams = counters.streams.load(),
          .waiting_exchanges = counters.waiting_exchanges.load(),
          .requests = counters.requests.load(),
          .refused_connections = counters.refused_connections.load(),
          .slow_readers_closed = counters.slow_readers_closed.load(),
          .posted_work = reactor_->work().size()};
}

void EpollServer::run_worker(unsigned number) {
  pthread_setname_np(pthread_self(), ("weir-http-" + std::to_string(number)).c_str());
  WorkerTools tools{.read_buffer = std::vector<char>(kReadBufferBytes), .parser = {}};
  while (true) {
    if (is_stopping_.load() && reactor_->work().is_empty()) return;
    epoll_event event{};
    const int count = epoll_wait(reactor_->epoll(), &event, 1, -1);
    if (count < 0 && errno != EINTR) {
      log::error("http.wait_failed", {{"errno", errno}});
      return;
    }
    if (count == 1) dispatch(event, tools);
  }
}

void EpollServer::dispatch(const epoll_event& event, WorkerTools& tools) {
  const std::uint64_t token = event.data.u64;
  if (token == kWorkToken || token == kStopToken) {
    reactor_->work().run_some();
  } else if (token < kFirstListenerToken + listeners_.sockets.size()) {
    accept_some(token - kFirstListenerToken);
  } else if (const auto connection = reactor_->table().find(token)) {
    connection->on_ready(event.events, tools);
  }
}

void EpollServer::accept_some(std::size_t listener) {
  const int socket = listeners_.sockets[listener].get();
  for (int i = 0; i < kAcceptsPerWake && !reactor_->is_draining(); ++i) {
    AcceptResult result = accept_from(socket);
    if (result.error == 0) {
      admit(std::move(result.accepted));
      continue;
    }
    if (result.error == EAGAIN || result.error == EWOULDBLOCK) return;
    if (result.error != EMFILE && result.error != ENFILE && result.error != ENOBUFS && result.error != ENOMEM) {
      continue;  // accept(2): errors of the connection that was waiting
    }
    // The listener would stay ready and wake a worker for ever: clients wait in the backlog until the next sweep.
    log::warning("http.accept_rests", {{"errno", result.error}, {"connections", reactor_->table().size()}});
    for (const FileDescriptor& resting : listeners_.sockets) {
      epoll_ctl(reactor_->epoll(), EPOLL_CTL_DEL, resting.get(), nullptr);
    }
    reactor_->rest_accepting();
    return;
  }
}

void EpollServer::admit(Accepted accepted) {
  if (!reactor_->admit_address(accepted.peer_address)) {
    return turn_away(std::move(accepted), 429, "Too many connections are open from this address; close some.");
  }
  const auto token = reactor_->table().reserve();
  if (!token) {
    reactor_->release_address(accepted.peer_address);
    return turn_away(std::move(accepted), 503, "The server has as many connections as it accepts; try again soon.");
  }
  const auto connection =
      std::make_shared<Connection>(reactor_, std::move(accepted.socket), std::move(accepted.peer_address), *token);
  reactor_->table().put(*token, connection);
  connection->open();
  reactor_->keep_sweeping();
  if (reactor_->is_draining()) connection->drain();
}

void EpollServer::turn_away(Accepted accepted, int status, std::string_view message) {
  reactor_->counters().refused_connections.fetch_add(1, std::memory_order_relaxed);
  const Response response = reactor_->error_response(status, message);
  const std::string bytes = response_head(response, {.keeps_alive = false}) + response.body;
  // A fresh socket takes so little; if it does not, closing is answer enough.
  if (send(accepted.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    shutdown(accepted.socket.get(), SHUT_WR);
  }
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(const ServerSettings& settings, TimerQueue& timers) {
  auto listeners = listen_on({.host = settings.host, .port = settings.port});
  if (!listeners) return std::move(listeners).error();
  return std::unique_ptr<Server>(std::make_unique<EpollServer>(settings, timers, std::move(*listeners)));
}

}  // namespace weir::http

#include "egress/tcp_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::egress {
namespace {

using std::chrono::milliseconds;

// How late a stop may be seen; a tenth of a second is nothing to a person who cancels a scan.
constexpr milliseconds kStopSeenWithin{100};

std::string text_of(const TcpConnection::Peer& peer) {
  return peer.address.to_text() + " port " + std::to_string(peer.port);
}

Error connect_error(const TcpConnection::Peer& peer, int number) {
  std::string what = "cannot be connected to";
  if (number == ECONNREFUSED) what = "refused the connection: nothing listens there";
  if (number == EHOSTUNREACH || number == ENETUNREACH) what = "cannot be reached: there is no route to it";
  return Error{ErrorCode::unavailable, text_of(peer) + " " + what}.because(std::strerror(number));
}

Error lost(int number) {
  return Error{ErrorCode::unavailable, "the peer reset the connection"}.because(std::strerror(number));
}

}  // namespace

TcpConnection::TcpConnection(int socket, TimePoint deadline, std::stop_token stop)
    : socket_(socket), deadline_(deadline), stop_(std::move(stop)) {}

TcpConnection::TcpConnection(TcpConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), deadline_(other.deadline_), stop_(std::move(other.stop_)) {}

TcpConnection::~TcpConnection() {
  if (socket_ >= 0) close(socket_);
}

Result<TcpConnection> TcpConnection::connect(const AddressPolicy& policy, AddressPolicy::Self self, const Peer& peer,
                                             TimePoint deadline, std::stop_token stop) {
  if (auto allowed = policy.check(peer.address, peer.port, self); !allowed) return std::move(allowed).error();
  const auto [address, length] = peer.address.to_socket(peer.port);
  const int raw = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (raw < 0) return connect_error(peer, errno);
  TcpConnection connection(raw, deadline, std::move(stop));
  if (::connect(raw, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno != EINPROGRESS) return connect_error(peer, errno);
    if (auto ready = connection.wait_for(POLLOUT); !ready) {
      Error error = std::move(ready).error();
      error.message = text_of(peer) + ": " + error.message + " while connecting";
      return error;
    }
    int number = 0;
    socklen_t size = sizeof number;
    getsockopt(raw, SOL_SOCKET, SO_ERROR, &number, &size);
    if (number != 0) return connect_error(peer, number);
  }
  return connection;
}

Result<void> TcpConnection::wait_for(short events) {
  while (true) {
    if (stop_.stop_requested()) return Error{ErrorCode::cancelled, "cancelled"};
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - std::chrono::steady_clock::now());
    if (left <= milliseconds{0}) return Error{ErrorCode::timed_out, "timed out"};
    pollfd entry{.fd = socket_, .events = events, .revents = 0};
    const int ready = poll(&entry, 1, static_cast<int>(std::min(left, kStopSeenWithin).count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return lost(errno);
  }
}

Result<void> TcpConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return lost(errno);
    if (auto ready = wait_for(POLLOUT); !ready) return ready;
  }
  return {};
}

Result<std::size_t> TcpConnection::receive(std::span<char> buffer) {
  while (true) {
    // Looked at first, so that a peer that never pauses cannot outlast the deadline.
    if (auto ready = wait_for(POLLIN); !ready) return std::move(ready).error();
    const ssize_t received = recv(socket_, buffer.data(), buffer.size(), 0);
    if (received >= 0) return static_cast<std::size_t>(received);
    if (errno != EINTR && errno != EAGAIN) return lost(errno);
  }
}

}  // namespace weir::egress

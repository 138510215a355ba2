// A blocking TCP client that sends exactly the bytes it is told and reads what comes, with a deadline.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/file_descriptor.h"

namespace weir::http {

// Not thread-safe: a local variable of a test.
class RawClient {
 public:
  static constexpr std::chrono::milliseconds kPatience{10'000};

  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0) {
      setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    const int on = 1;
    setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  [[nodiscard]] bool is_connected() const { return is_connected_; }

  // False if the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void half_close() { shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }
  // RST instead of FIN.
  void abort() {
    const linger hard{1, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    socket_.reset();
  }

  // Reads until `marker` has come (and leaves what follows), the end, or the deadline; what was read.
  std::string read_until(std::string_view marker) {
    std::size_t found = buffer_.find(marker);
    while (found == std::string::npos && receive()) found = buffer_.find(marker);
    const std::size_t size = found == std::string::npos ? buffer_.size() : found + marker.size();
    std::string text = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return text;
  }
  // One response with a Content-Length.
  std::string read_response() {
    std::string response = read_until("\r\n\r\n");
    const std::size_t field = response.find("Content-Length: ");
    if (field == std::string::npos) return response;
    const std::size_t size = std::stoul(response.substr(field + 16));
    while (buffer_.size() < size && receive()) {}
    response += buffer_.substr(0, size);
    buffer_.erase(0, std::min(size, buffer_.size()));
    return response;
  }
  std::string read_to_end() {
    while (receive()) {}
    return std::exchange(buffer_, {});
  }
  // True if the server closes within the deadline; what it sends before is dropped.
  bool is_closed_by_server() {
    read_to_end();
    return has_ended_;
  }
  // True if bytes or the end are there without waiting.
  bool has_input() {
    pollfd ready{socket_.get(), POLLIN, 0};
    return !buffer_.empty() || poll(&ready, 1, 0) > 0;
  }

 private:
  bool receive() {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(kPatience.count())) <= 0) return false;
    char bytes[16 * 1024];
    const ssize_t received = recv(socket_.get(), bytes, sizeof bytes, 0);
    if (received <= 0) {
      has_ended_ = true;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(received));
    return true;
  }

  FileDescriptor socket_;
  bool is_connected_ = false;
  bool has_ended_ = false;
  std::string buffer_;
};

}  // namespace weir::http

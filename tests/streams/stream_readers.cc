#include "tests/streams/stream_readers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace weir::streams {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;
constexpr int kEventsPerPoll = 512;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::string request_text(const std::string& method, const std::string& target, const std::string& lines,
                         const std::string& body) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + lines;
  if (method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

}  // namespace

StreamReaders::StreamReaders(std::size_t count, int port, OnBytes on_bytes, OnClosed on_closed)
    : port_(port),
      on_bytes_(std::move(on_bytes)),
      on_closed_(std::move(on_closed)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kBufferBytes) {
  for (std::size_t i = 0; i < count; ++i) {
    readers_.push_back(std::make_unique<StreamReader>());
    readers_.back()->index_ = i;
  }
}

void StreamReaders::watch(StreamReader& reader, int operation, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = reader.index_;
  epoll_ctl(epoll_.get(), operation, reader.socket_.get(), &event);
}

void StreamReaders::open(std::size_t index, const std::string& target, const std::string& lines, int receive_bytes) {
  StreamReader& reader = *readers_[index];
  close(index);
  reader.socket_ = http::FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (receive_bytes > 0) {
    setsockopt(reader.socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  }
  reader.request_ = request_text("GET", target, lines, "");
  reader.input_.clear();
  reader.has_head_ = false;
  reader.is_paused_ = false;
  reader.chunk_left_ = 0;
  reader.state_ = StreamReader::State::connecting;
  const sockaddr_in address = loopback(port_);
  connect(reader.socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  watch(reader, EPOLL_CTL_ADD, EPOLLOUT);
}

void StreamReaders::close(std::size_t index) {
  StreamReader& reader = *readers_[index];
  reader.socket_.reset();
  reader.state_ = StreamReader::State::closed;
}

void StreamReaders::pause(std::size_t index) {
  readers_[index]->is_paused_ = true;
  watch(*readers_[index], EPOLL_CTL_MOD, 0);
}

void StreamReaders::resume(std::size_t index) {
  readers_[index]->is_paused_ = false;
  watch(*readers_[index], EPOLL_CTL_MOD, EPOLLIN);
}

void StreamReaders::poll(std::chrono::milliseconds patience) {
  std::array<epoll_event, kEventsPerPoll> events;
  const int count = epoll_wait(epoll_.get(), events.data(), kEventsPerPoll, static_cast<int>(patience.count()));
  for (int i = 0; i < count; ++i) {
    StreamReader& reader = *readers_[events[static_cast<std::size_t>(i)].data.u64];
    if (reader.state_ != StreamReader::State::closed) on_ready(reader, events[static_cast<std::size_t>(i)].events);
  }
}

void StreamReaders::on_ready(StreamReader& reader, std::uint32_t events) {
  if (reader.state_ == StreamReader::State::connecting) {
    const auto size = static_cast<ssize_t>(reader.request_.size());
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 ||
        send(reader.socket_.get(), reader.request_.data(), reader.request_.size(), MSG_NOSIGNAL) != size) {
      close(reader.index_);
      return on_closed_(reader);
    }
    reader.request_ = std::string();
    reader.state_ = StreamReader::State::reading;
    return watch(reader, EPOLL_CTL_MOD, EPOLLIN);
  }
  if (reader.is_paused_) return;
  const ssize_t received = recv(reader.socket_.get(), buffer_.data(), buffer_.size(), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received > 0) {
    reader.input_.append(buffer_.data(), static_cast<std::size_t>(received));
    if (take(reader) || reader.state_ == StreamReader::State::closed) return;
  }
  close(reader.index_);
  on_closed_(reader);
}

// False if the body has ended.
bool StreamReaders::take(StreamReader& reader) {
  if (!reader.has_head_) {
    const std::size_t end = reader.input_.find("\r\n\r\n");
    if (end == std::string::npos) return true;
    if (!reader.input_.starts_with("HTTP/1.1 200")) return false;
    reader.is_chunked_ = reader.input_.substr(0, end).find("chunked") != std::string::npos;
    reader.input_.erase(0, end + 4);
    reader.has_head_ = true;
  }
  if (!reader.is_chunked_) {
    const std::string whole = std::exchange(reader.input_, std::string());
    if (!whole.empty()) on_bytes_(reader, whole);
    return true;
  }
  std::size_t at = 0;
  std::string body;
  bool has_ended = false;
  while (at < reader.input_.size()) {
    if (reader.chunk_left_ == 0) {
      const std::size_t line = reader.input_.find("\r\n", at);
      if (line == std::string::npos) break;
      std::size_t size = 0;
      std::from_chars(reader.input_.data() + at, reader.input_.data() + line, size, 16);
      if (size == 0) {
        has_ended = true;
        break;
      }
      at = line + 2;
      reader.chunk_left_ = size + 2;
      continue;
    }
    // The last two bytes of what is left are the chunk's line end.
    const std::size_t part = std::min(reader.chunk_left_, reader.input_.size() - at);
    const std::size_t data_left = reader.chunk_left_ > 2 ? reader.chunk_left_ - 2 : 0;
    body.append(reader.input_, at, std::min(part, data_left));
    at += part;
    reader.chunk_left_ -= part;
  }
  reader.input_.erase(0, at);
  if (reader.input_.empty()) reader.input_.shrink_to_fit();
  if (!body.empty()) on_bytes_(reader, body);
  return !has_ended;
}

std::string ask(int port, const std::string& method, const std::string& target, const std::string& lines,
                const std::string& body) {
  const http::FileDescriptor connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "";
  const std::string text = request_text(method, target, lines + "Connection: close\r\n", body);
  if (send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) return "";
  std::string answer;
  std::vector<char> buffer(kBufferBytes);
  while (true) {
    const ssize_t received = recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (received <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(received));
  }
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

}  // namespace weir::streams

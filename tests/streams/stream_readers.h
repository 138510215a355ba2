// Thousands of SSE readers in one thread: one epoll, non-blocking sockets. For tests and benchmarks.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/file_descriptor.h"

namespace weir::streams {

// One connection to a stream. Not thread-safe: owned by its readers.
class StreamReader {
 public:
  enum class State : std::uint8_t { closed, connecting, reading };

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] std::size_t index() const { return index_; }
  // The server has answered with 200.
  [[nodiscard]] bool has_head() const { return has_head_; }

 private:
  friend class StreamReaders;

  std::size_t index_ = 0;
  State state_ = State::closed;
  bool has_head_ = false;
  bool is_chunked_ = false;
  bool is_paused_ = false;
  http::FileDescriptor socket_;
  std::string request_;
  std::string input_;           // not yet looked at: a part of the head or of a chunk
  std::size_t chunk_left_ = 0;  // of the chunk that is being read, with its line end
};

// Not thread-safe: owned by one thread.
class StreamReaders {
 public:
  // Bytes of the event stream, as they arrive. May close the reader.
  using OnBytes = std::function<void(StreamReader&, std::string_view)>;
  // The server closed the stream or refused the connection.
  using OnClosed = std::function<void(StreamReader&)>;

  StreamReaders(std::size_t count, int port, OnBytes on_bytes, OnClosed on_closed);

  // Connects and sends `GET target` with `lines` (header lines, each with its line end). Never blocks.
  // `receive_bytes`: the kernel's buffer for what arrives, 0 for its own choice.
  void open(std::size_t reader, const std::string& target, const std::string& lines, int receive_bytes = 0);
  void close(std::size_t reader);
  // From now on it reads nothing, so that what is sent to it piles up; and the other way round.
  void pause(std::size_t reader);
  void resume(std::size_t reader);
  // Serves what is ready; blocks up to `patience` if nothing is.
  void poll(std::chrono::milliseconds patience);

  [[nodiscard]] std::size_t size() const { return readers_.size(); }
  [[nodiscard]] StreamReader& at(std::size_t reader) { return *readers_[reader]; }

 private:
  void on_ready(StreamReader& reader, std::uint32_t events);
  bool take(StreamReader& reader);
  void watch(StreamReader& reader, int operation, std::uint32_t events);

  const int port_;
  const OnBytes on_bytes_;
  const OnClosed on_closed_;
  http::FileDescriptor epoll_;
  std::vector<std::unique_ptr<StreamReader>> readers_;
  std::vector<char> buffer_;
};

// A blocking request with an answer of a Content-Length, on a connection of its own. Returns its body, "" if it fails.
std::string ask(int port, const std::string& method, const std::string& target, const std::string& lines = "",
                const std::string& body = "");

}  // namespace weir::streams

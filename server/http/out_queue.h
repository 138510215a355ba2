// The bytes that a connection still has to send: owned texts and shared stream frames, in order, written
// without copying and without blocking.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

// Not thread-safe: guarded by its connection's mutex.
class OutQueue {
 public:
  enum class Flushed {
    all,   // nothing waits
    some,  // the socket is full
    gone,  // the peer has closed
  };

  void add(std::string text);
  // `frame` as it is (an HTTP/1.0 stream) or as one chunk (RFC 9112 §7.1).
  void add_frame(std::shared_ptr<const std::string> frame);
  void add_chunk(std::shared_ptr<const std::string> frame);
  // Forgets everything but the first entry, which may be half sent or a response head: the framing holds.
  void drop_unsent();
  void clear();

  // Writes as much as the socket takes. Never blocks.
  Flushed flush(int socket);
  // Sends a whole response in one call if nothing waits before it; what does not fit is queued. Never blocks.
  Flushed send(int socket, std::string head, std::string body);

  [[nodiscard]] bool is_empty() const { return first_ == segments_.size(); }
  [[nodiscard]] std::size_t segments() const { return segments_.size() - first_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  // prefix + data + (suffix: CRLF)
  struct Segment {
    std::shared_ptr<const std::string> data;
    std::size_t sent = 0;
    std::array<char, 12> prefix{};
    std::uint8_t prefix_size = 0;
    std::uint8_t suffix_size = 0;

    [[nodiscard]] std::size_t size() const { return prefix_size + data->size() + suffix_size; }
  };

  void push(Segment segment);
  void consume(std::size_t count);

  std::vector<Segment> segments_;
  std::size_t first_ = 0;  // those before are sent
  std::size_t bytes_ = 0;
};

}  // namespace weir::http

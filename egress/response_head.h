// The head of an HTTP/1 answer, collected line by line as the wire gives it: order, case and duplicates are
// evidence for checks. Interim answers (1xx) and trailers are left out. Knows nothing of libcurl.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::egress {

// Not thread-safe: owned by one transfer.
class ResponseHead {
 public:
  explicit ResponseHead(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // One line with its line end. False once everything seen, interim answers and trailers included, is more than
  // the limit.
  [[nodiscard]] bool add_line(std::string_view line);

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& http_version() const { return http_version_; }
  [[nodiscard]] bool is_too_large() const { return bytes_ > bytes_max_; }
  [[nodiscard]] bool is_complete() const { return state_ == State::complete; }
  // Leaves the head without headers.
  std::vector<std::pair<std::string, std::string>> take_headers() { return std::move(headers_); }

 private:
  enum class State : std::uint8_t { status_line, header_lines, complete };

  void start(std::string_view status_line);

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  State state_ = State::status_line;
  int status_ = 0;
  std::string http_version_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

}  // namespace weir::egress

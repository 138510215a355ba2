// Lines from a file descriptor, bounded, until its end or a stop signal: what a host writes to `weir stdio`.
#pragma once
#include <cstddef>
#include <string>

namespace weir::cli {

// Not thread-safe: owned by the command.
class LineInput {
 public:
  // `descriptor` stays the caller's. A line longer than `line_bytes_max` is dropped up to its end and reported.
  // server::block_stop_signals() has been called.
  LineInput(int descriptor, std::size_t line_bytes_max);
  ~LineInput();
  LineInput(const LineInput&) = delete;
  LineInput& operator=(const LineInput&) = delete;

  enum class Read { line, too_long, end, stopped };
  // The next line without its line break, in `line`. `end`: nothing more comes, and what stood without a line break
  // was the last line. Blocks until one of these.
  Read next(std::string& line);

 private:
  bool take_line(std::string& line);
  // False at the end of the input or on a signal; `outcome` says which.
  bool fill(Read& outcome);

  const int descriptor_;
  const std::size_t line_bytes_max_;
  int signals_;
  std::string buffer_;
  std::size_t searched_ = 0;  // of the buffer, for a line break
  bool is_dropping_ = false;
  bool has_ended_ = false;
};

}  // namespace weir::cli

// What the command line prints: plain lines in a pipe, colours and a moving progress line on a terminal.
#pragma once
#include <string>
#include <string_view>

namespace weir::cli {

// Exit codes of every command (scans.md section 7).
inline constexpr int kExitOk = 0;
inline constexpr int kExitGateFailed = 1;  // also: the call was refused, the doctor found something
inline constexpr int kExitFailed = 2;      // the scan failed or lacks coverage; the server could not start
inline constexpr int kExitUsage = 3;

enum class Colour { none, red, yellow, green, blue, dim, bold };

// Not thread-safe: owned by the command.
class Terminal {
 public:
  Terminal();

  // One line on standard output.
  void line(std::string_view text);
  // One line on standard error: messages that are not the command's result.
  void note(std::string_view text);
  // "weir: ..." on standard error.
  void error(std::string_view text);
  // A piece of a text that goes on: line breaks as they come. The next line() starts a line of its own.
  void flow(std::string_view text);
  // Replaces the line before it on a terminal; nothing in a pipe. Cleared by the next line().
  void progress(std::string_view text);

  [[nodiscard]] std::string paint(Colour colour, std::string_view text) const;
  [[nodiscard]] bool is_terminal() const { return is_terminal_; }

 private:
  void end_flow();
  void clear_progress();

  const bool is_terminal_;
  bool has_progress_ = false;
  bool is_in_flow_ = false;
};

// With spaces up to `width`; longer texts stay as they are.
std::string padded(std::string text, std::size_t width);
// "critical" in red, "info" dimmed.
Colour colour_of_severity(std::string_view severity);

}  // namespace weir::cli

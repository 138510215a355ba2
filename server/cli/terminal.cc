#include "server/cli/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace weir::cli {
namespace {

void write_line(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fputc('\n', file);
  std::fflush(file);
}

bool is_rich_terminal() {
  const char* term = std::getenv("TERM");
  const bool is_dumb = term == nullptr || std::string_view(term) == "dumb";
  return isatty(STDOUT_FILENO) == 1 && !is_dumb && std::getenv("NO_COLOR") == nullptr;
}

}  // namespace

Terminal::Terminal() : is_terminal_(is_rich_terminal()) {}

void Terminal::clear_progress() {
  if (!has_progress_) return;
  std::fputs("\r\033[K", stdout);
  has_progress_ = false;
}

void Terminal::end_flow() {
  if (is_in_flow_) std::fputc('\n', stdout);
  is_in_flow_ = false;
}

void Terminal::flow(std::string_view text) {
  if (text.empty()) return;
  clear_progress();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  is_in_flow_ = text.back() != '\n';
}

void Terminal::line(std::string_view text) {
  clear_progress();
  end_flow();
  write_line(stdout, text);
}

void Terminal::note(std::string_view text) {
  clear_progress();
  end_flow();
  std::fflush(stdout);
  write_line(stderr, text);
}

void Terminal::error(std::string_view text) { note("weir: " + std::string(text)); }

void Terminal::progress(std::string_view text) {
  if (!is_terminal_ || is_in_flow_) return;
  clear_progress();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  has_progress_ = true;
}

std::string Terminal::paint(Colour colour, std::string_view text) const {
  if (!is_terminal_ || colour == Colour::none) return std::string(text);
  std::string_view code = "0";
  switch (colour) {
    case Colour::red: code = "31"; break;
    case Colour::yellow: code = "33"; break;
    case Colour::green: code = "32"; break;
    case Colour::blue: code = "34"; break;
    case Colour::dim: code = "2"; break;
    case Colour::bold: code = "1"; break;
    case Colour::none: break;
  }
  return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

Colour colour_of_severity(std::string_view severity) {
  if (severity == "critical" || severity == "high") return Colour::red;
  if (severity == "medium") return Colour::yellow;
  if (severity == "low") return Colour::blue;
  return Colour::dim;
}

}  // namespace weir::cli

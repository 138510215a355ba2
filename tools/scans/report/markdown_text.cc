#include "tools/scans/report/markdown_text.h"

#include <algorithm>

#include "base/log.h"

namespace weir::tools::scans {
namespace {

constexpr std::size_t kTextBytesMax = 4'000;

std::size_t longest_backtick_run(std::string_view text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

}  // namespace

std::string markdown_escaped(std::string_view text) {
  std::string result;
  for (const char c : printable(text, kTextBytesMax)) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      // A "." or ":" could make a list item, a heading's number or an autolink.
      case '\\':
      case '`':
      case '*':
      case '_':
      case '{':
      case '}':
      case '[':
      case ']':
      case '(':
      case ')':
      case '#':
      case '+':
      case '-':
      case '.':
      case '!':
      case '|':
      case '~':
      case ':':
      case '@':
      case '=':
      case '"':
      case '\'':
      case '$':
        result += '\\';
        result += c;
        break;
      default: result += c;
    }
  }
  return result;
}

std::string markdown_code(std::string_view text) {
  std::string shown;
  for (const char c : printable(text, kTextBytesMax)) {
    if (c == '|') shown += '\\';  // a table splits its cells before it looks for code
    shown += c;
  }
  if (shown.empty()) return "(none)";
  const std::string fence(longest_backtick_run(shown) + 1, '`');
  const bool needs_space = shown.front() == '`' || shown.back() == '`';
  return fence + (needs_space ? " " : "") + shown + (needs_space ? " " : "") + fence;
}

std::string markdown_block(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    shown += printable(text.substr(0, end), kTextBytesMax) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const std::string fence(std::max<std::size_t>(3, longest_backtick_run(shown) + 1), '`');
  return fence + "text\n" + shown + fence + "\n";
}

}  // namespace weir::tools::scans

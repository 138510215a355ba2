#include "egress/response_head.h"

#include <charconv>

namespace weir::egress {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

void ResponseHead::start(std::string_view status_line) {
  // "HTTP/1.1 200 OK" (RFC 9112 §4); libcurl has refused anything else already.
  const std::size_t slash = status_line.find('/');
  const std::size_t space = std::min(status_line.find(' '), status_line.size());
  http_version_ = slash < space ? std::string(status_line.substr(slash + 1, space - slash - 1)) : "";
  const std::string_view digits = trimmed(status_line.substr(space));
  status_ = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), status_);
  headers_.clear();
  state_ = State::header_lines;
}

bool ResponseHead::add_line(std::string_view line) {
  bytes_ += line.size();
  if (is_too_large()) return false;
  if (state_ == State::complete) return true;  // a trailer
  const std::string_view content = trimmed(line);
  if (state_ == State::status_line) {
    if (!content.empty()) start(content);
    return true;
  }
  if (content.empty()) {
    // 101 is final for us: an upgrade is never asked for.
    const bool is_interim = status_ >= 100 && status_ < 200 && status_ != 101;
    state_ = is_interim ? State::status_line : State::complete;
    return true;
  }
  if ((line.front() == ' ' || line.front() == '\t') && !headers_.empty()) {
    // obs-fold, RFC 9112 §5.2: to be read as one space.
    headers_.back().second.append(" ").append(content);
    return true;
  }
  const std::size_t colon = std::min(content.find(':'), content.size());
  const std::string_view value = colon < content.size() ? trimmed(content.substr(colon + 1)) : std::string_view{};
  headers_.emplace_back(std::string(content.substr(0, colon)), std::string(value));
  return true;
}

}  // namespace weir::egress

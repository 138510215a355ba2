#include "server/http/framer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace weir::http {
namespace {

// More fields than any client sends; each costs two strings.
constexpr std::size_t kHeaderFieldsMax = 100;
// A chunk's size line: 8 hexadecimal digits say more than any accepted body; the rest is extensions, which
// nobody here reads (RFC 9112 §7.1.1).
constexpr std::size_t kChunkLineBytesMax = 256;
constexpr std::size_t kChunkDigitsMax = 8;
constexpr std::size_t kChunkExtensionBytesMax = 8 * 1024;  // of one request
constexpr std::size_t kTrailerBytesMax = 4 * 1024;         // trailers are checked and dropped
// Consumed bytes are moved out of the buffer in steps of at least this, so that moving stays linear.
constexpr std::size_t kCompactBytes = 4 * 1024;

bool is_chunk_extension(std::string_view text) {
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7F; };
  text = without_outer_space(text);
  return text.empty() || (text.front() == ';' && std::ranges::none_of(text, is_control));
}

}  // namespace

RequestFramer::Progress RequestFramer::feed(std::string_view bytes) {
  if (state_ == State::refused) return progress_;
  buffer_.append(bytes);
  advance();
  return progress_;
}

FramedRequest RequestFramer::take() {
  CHECK(state_ == State::complete, "take() needs a complete request");
  FramedRequest taken = std::exchange(request_, {});
  state_ = State::head;
  has_request_line_ = false;
  has_sent_continue_ = false;
  extension_bytes_ = 0;
  section_start_ = position_;
  scanned_ = position_;
  advance();
  return taken;
}

bool RequestFramer::takes_continue() {
  if (progress_ != Progress::body || !request_.meaning.expects_continue || has_sent_continue_) return false;
  has_sent_continue_ = true;
  // A sender that has begun the body does not wait.
  return request_.body.empty() && buffered_bytes() == 0;
}

void RequestFramer::release_memory() {
  if (buffered_bytes() > 0) return;
  position_ = scanned_ = section_start_ = 0;
  std::string().swap(buffer_);
}

void RequestFramer::abandon() {
  refuse({400, "The connection ends."});
  advance();
}

void RequestFramer::advance() {
  while (step()) {}
  if (state_ == State::complete) {
    progress_ = Progress::complete;
  } else if (state_ == State::refused) {
    progress_ = Progress::refused;
    std::string().swap(buffer_);
    position_ = 0;
    request_ = {};
  } else if (state_ == State::head) {
    progress_ = has_request_line_ || buffered_bytes() > 0 ? Progress::head : Progress::empty;
  } else {
    progress_ = Progress::body;
  }
  compact();
}

bool RequestFramer::step() {
  switch (state_) {
    case State::head: return read_head_line();
    case State::sized_body: return read_sized_body();
    case State::chunk_size: return read_chunk_size();
    case State::chunk_data: return read_chunk_data();
    case State::chunk_end: return read_chunk_end();
    case State::trailers: return read_trailer();
    case State::complete:
    case State::refused: return false;
  }
  return false;
}

bool RequestFramer::next_line(std::size_t section_bytes_max, std::string_view& line) {
  const std::size_t found = buffer_.find('\n', scanned_);
  const std::size_t end = found == std::string::npos ? buffer_.size() : found + 1;
  if (end - section_start_ > section_bytes_max) return refuse_long_section();
  if (found == std::string::npos) {
    scanned_ = buffer_.size();
    return false;
  }
  if (found == position_ || buffer_[found - 1] != '\r') {
    return refuse({400, "A line ends in LF without CR; lines of HTTP end in CRLF."});
  }
  line = std::string_view(buffer_).substr(position_, found - 1 - position_);
  position_ = scanned_ = end;
  return true;
}

bool RequestFramer::read_head_line() {
  std::string_view line;
  if (!next_line(limits_.head_bytes_max, line)) return false;
  if (!has_request_line_) {
    if (line.empty()) return true;  // RFC 9112 §2.2: empty lines before the request line are ignored
    if (auto refusal = read_request_line(line, request_.head)) return refuse(std::move(*refusal));
    has_request_line_ = true;
    return true;
  }
  if (line.empty()) return end_head();
  if (auto refusal = read_header_line(line, request_.head.headers)) return refuse(std::move(*refusal));
  if (request_.head.headers.fields().size() > kHeaderFieldsMax) {
    return refuse({431, "The request has more than " + std::to_string(kHeaderFieldsMax) + " header fields."});
  }
  return true;
}

bool RequestFramer::end_head() {
  if (auto refusal = read_meaning(request_.head, limits_.body_bytes_max, request_.meaning)) {
    return refuse(std::move(*refusal));
  }
  missing_ = request_.meaning.content_length;
  state_ = request_.meaning.is_chunked ? State::chunk_size : missing_ > 0 ? State::sized_body : State::complete;
  section_start_ = position_;
  return true;
}

bool RequestFramer::read_sized_body() {
  const std::size_t count = std::min<std::size_t>(missing_, buffered_bytes());
  request_.body.append(buffer_, position_, count);
  position_ += count;
  scanned_ = position_;
  missing_ -= count;
  if (missing_ > 0) return false;
  state_ = State::complete;
  return true;
}

bool RequestFramer::read_chunk_size() {
  section_start_ = position_;
  std::string_view line;
  if (!next_line(kChunkLineBytesMax, line)) return false;
  // RFC 9112 §7.1: 1*HEXDIG, then extensions, before which some senders put white space.
  const std::size_t extension = std::min(line.find_first_of("; \t"), line.size());
  const std::string_view digits = line.substr(0, extension);
  if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return hex_value(c) >= 0; })) {
    return refuse({400, "The chunk size \"" + printable(digits, 20) + "\" is not a hexadecimal number."});
  }
  extension_bytes_ += line.size() - extension;
  if (extension_bytes_ > kChunkExtensionBytesMax || !is_chunk_extension(line.substr(extension))) {
    return refuse({400, "The extensions of the chunked body are malformed or longer than 8 KiB."});
  }
  std::uint64_t size = 0;
  for (const char digit : digits.substr(0, kChunkDigitsMax)) {
    size = size * 16 + static_cast<std::uint64_t>(hex_value(digit));
  }
  if (digits.size() > kChunkDigitsMax || size > limits_.body_bytes_max - request_.body.size()) {
    return refuse({413, "The chunked body is longer than " + std::to_string(limits_.body_bytes_max) + " bytes."});
  }
  missing_ = size;
  state_ = size > 0 ? State::chunk_data : State::trailers;
  section_start_ = position_;
  return true;
}

bool RequestFramer::read_chunk_data() {
  if (!read_sized_body()) return false;
  state_ = State::chunk_end;
  return true;
}

bool RequestFramer::read_chunk_end() {
  if (buffered_bytes() >= 1 && buffer_[position_] != '\r') {
    return refuse({400, "A chunk is not followed by CRLF: its size does not match its data."});
  }
  if (buffered_bytes() < 2) return false;
  if (buffer_[position_ + 1] != '\n') {
    return refuse({400, "A chunk is not followed by CRLF: its size does not match its data."});
  }
  position_ += 2;
  scanned_ = position_;
  state_ = State::chunk_size;
  return true;
}

bool RequestFramer::read_trailer() {
  std::string_view line;
  if (!next_line(kTrailerBytesMax, line)) return false;
  if (line.empty()) {
    state_ = State::complete;
    return true;
  }
  Headers dropped;  // RFC 9110 §6.5.1: trailers may be discarded, and must not be merged into the headers
  if (auto refusal = read_header_line(line, dropped)) return refuse(std::move(*refusal));
  return true;
}

bool RequestFramer::refuse_long_section() {
  switch (state_) {
    case State::head:
      return refuse({431, "The request head is longer than " + std::to_string(limits_.head_bytes_max) + " bytes."});
    case State::trailers:
      return refuse({431, "The trailers are longer than " + std::to_string(kTrailerBytesMax) + " bytes."});
    default:
      return refuse({400, "The size line of a chunk is longer than " + std::to_string(kChunkLineBytesMax) + " bytes."});
  }
}

bool RequestFramer::refuse(Refusal refusal) {
  refusal_ = std::move(refusal);
  state_ = State::refused;
  return false;
}

void RequestFramer::compact() {
  if (position_ == 0) return;
  const bool is_drained = position_ == buffer_.size();
  if (!is_drained && (position_ < kCompactBytes || position_ < buffer_.size() / 2)) return;
  buffer_.erase(0, position_);
  scanned_ -= position_;
  // Only differences to section_start_ matter, so it may wrap below zero (unsigned arithmetic).
  section_start_ -= position_;
  position_ = 0;
}

}  // namespace weir::http

#include "streaming/sse.h"

#include <charconv>

namespace weir::streaming {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

void append_field(std::string& frame, std::string_view name, std::string_view value) {
  frame.append(name).append(": ");
  for (const char c : value) {
    // A reader ignores an id that holds NUL.
    if (c != '\r' && c != '\n' && c != '\0') frame += c;
  }
  frame += '\n';
}

void append_data(std::string& frame, std::string_view data) {
  while (true) {
    const std::size_t end = data.find_first_of("\r\n");
    frame.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) return;
    data.remove_prefix(data.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
}

}  // namespace

std::string encode_sse(const SseEvent& event) {
  std::string frame;
  frame.reserve(event.id.size() + event.type.size() + event.data.size() + 32);
  if (event.retry) frame.append("retry: ").append(std::to_string(event.retry->count())).append("\n");
  const bool has_only_retry = event.retry && event.id.empty() && event.type.empty() && event.data.empty();
  if (!event.id.empty()) append_field(frame, "id", event.id);
  if (!event.type.empty()) append_field(frame, "event", event.type);
  if (!has_only_retry) append_data(frame, event.data);
  frame += '\n';
  return frame;
}

std::string encode_sse_comment(std::string_view text) {
  std::string frame = ": ";
  for (const char c : text) frame += c == '\r' || c == '\n' ? ' ' : c;
  return frame + "\n\n";
}

std::vector<SseEvent> SseDecoder::feed(std::string_view bytes) {
  std::vector<SseEvent> events;
  while (!bytes.empty()) {
    if (std::exchange(skip_lf_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    append_to_line(bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    skip_lf_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    end_line(events);
  }
  return events;
}

void SseDecoder::append_to_line(std::string_view bytes) {
  if (is_line_oversize_) return;
  // The longest field that matters is "data: " and its value.
  if (line_.size() + bytes.size() > kDataBytesMax + 6) {
    is_line_oversize_ = true;
    line_.clear();
    line_.shrink_to_fit();
    return;
  }
  line_ += bytes;
}

void SseDecoder::end_line(std::vector<SseEvent>& out) {
  std::string line = std::exchange(line_, {});
  std::string_view text = line;
  // One byte order mark may start the stream (WHATWG HTML §9.2.6).
  if (std::exchange(is_first_, false) && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (std::exchange(is_line_oversize_, false)) {
    is_oversize_ = true;
  } else {
    take_line(text, out);
  }
  line.clear();
  line_ = std::move(line);  // keeps its capacity
}

void SseDecoder::take_line(std::string_view line, std::vector<SseEvent>& out) {
  if (line.empty()) {
    // Only now: an event that is cut off was not seen, and must come again (WHATWG HTML §9.2.6, "dispatch the event").
    if (has_id_) last_id_ = event_.id;
    has_id_ = false;
    if (is_oversize_) {
      ++dropped_;
    } else if (has_data_) {
      event_.data.pop_back();  // the line break after the last line of data
      out.push_back(std::move(event_));
    }
    event_ = {};
    has_data_ = false;
    is_oversize_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  take_field(line.substr(0, colon), value);
}

void SseDecoder::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (is_oversize_ || event_.data.size() + value.size() > kDataBytesMax) {
      is_oversize_ = true;
      event_.data = {};
      return;
    }
    event_.data.append(value).append("\n");
    has_data_ = true;
  } else if (name == "event") {
    event_.type = value;
  } else if (name == "id") {
    if (value.find('\0') != std::string_view::npos) return;
    event_.id = value;
    has_id_ = true;
  } else if (name == "retry") {
    std::int64_t ms = 0;
    const bool is_digits = !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
    if (is_digits && std::from_chars(value.data(), value.data() + value.size(), ms).ec == std::errc{}) {
      event_.retry = std::chrono::milliseconds{ms};
    }
  }
}

}  // namespace weir::streaming

// The text form of Server-Sent Events (WHATWG HTML §9.2), both ways. Pure.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::streaming {

// Not thread-safe: a value.
struct SseEvent {
  std::string id;    // "" : no id field
  std::string type;  // "" : "message"
  std::string data;  // may hold line breaks
  std::optional<std::chrono::milliseconds> retry;
};

// One frame with its closing empty line. Line breaks in id and type are dropped; those in data separate its lines,
// however they are written. An event with nothing but `retry` only sets the reader's delay.
std::string encode_sse(const SseEvent& event);
// ": text\n\n"
std::string encode_sse_comment(std::string_view text);

// Reads a stream that arrives in pieces cut anywhere. Not thread-safe: owned by one reader.
class SseDecoder {
 public:
  // The events completed by `bytes`. An event whose data exceeds `data_bytes_max` is dropped and counted.
  std::vector<SseEvent> feed(std::string_view bytes);
  [[nodiscard]] std::size_t dropped() const { return dropped_; }
  // The id of the newest whole event that had one: what a reconnecting reader sends as Last-Event-ID.
  [[nodiscard]] const std::string& last_id() const { return last_id_; }
  static constexpr std::size_t kDataBytesMax = 16 * 1024 * 1024;

 private:
  void append_to_line(std::string_view bytes);
  void end_line(std::vector<SseEvent>& out);
  void take_line(std::string_view line, std::vector<SseEvent>& out);
  void take_field(std::string_view name, std::string_view value);

  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool is_oversize_ = false;
  bool skip_lf_ = false;
  bool is_first_ = true;
  bool is_line_oversize_ = false;
  bool has_id_ = false;  // in the event that is being read
  std::string last_id_;
  std::size_t dropped_ = 0;
};

}  // namespace weir::streaming

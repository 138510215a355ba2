#include "tools/models/stream_decoder.h"

#include <algorithm>

namespace weir::tools::models {

bool StreamDecoder::feed(std::string_view bytes) {
  if (failure_ || assembler_->is_complete()) return false;
  // Cut at the bound, so that it does not matter how the bytes were cut before.
  const std::size_t room = kStreamBytesMax - bytes_;
  const bool is_too_long = bytes.size() > room;
  bytes = bytes.substr(0, room);
  bytes_ += bytes.size();
  if (form_ == Form::unknown) {
    const std::size_t start = bytes.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos && !is_too_long) return true;
    const char first = start == std::string_view::npos ? ' ' : bytes[start];
    form_ = first == '{' || first == '[' ? Form::document : first == '<' ? Form::page : Form::stream;
    if (start != std::string_view::npos) bytes.remove_prefix(start);
  }
  bool wants_more = true;
  if (form_ == Form::page) {
    fail({ErrorCode::unavailable, "answered with a web page instead of an API's answer. Is base_url right?"});
    return false;
  }
  if (form_ == Form::document) {
    if (document_.size() + bytes.size() > kDocumentBytesMax) {
      fail(too_large_answer("an answer"));
      return false;
    }
    document_ += bytes;
  } else {
    wants_more = feed_stream(bytes);
  }
  if (wants_more && is_too_long) {
    fail(too_large_answer("a stream"));
    return false;
  }
  return wants_more;
}

bool StreamDecoder::feed_stream(std::string_view bytes) {
  for (const streaming::SseEvent& event : sse_.feed(bytes)) {
    if (++events_ > kStreamEventsMax) {
      fail(too_large_answer("events"));
      return false;
    }
    if (auto taken = assembler_->take(event); !taken) {
      fail(std::move(taken).error());
      return false;
    }
    if (assembler_->is_complete()) return false;
  }
  if (sse_.dropped() > 0) {
    fail(too_large_answer("an event"));
    return false;
  }
  return true;
}

// The last event may lack its empty line. If it was cut itself, nothing is taken: the answer has broken off.
void StreamDecoder::take_unended() {
  for (const streaming::SseEvent& event : sse_.feed("\n\n")) {
    if (event.data != "[DONE]" && !parse_json(event.data)) return;
    if (auto taken = assembler_->take(event); !taken) return fail(std::move(taken).error());
  }
}

Result<ModelTurn> StreamDecoder::finish() {
  if (!failure_ && form_ == Form::stream && !assembler_->is_complete()) take_unended();
  if (!failure_ && form_ == Form::document) {
    auto parsed = parse_answer(document_);
    auto taken = parsed ? assembler_->take_document(*parsed) : Result<void>(std::move(parsed).error());
    if (!taken) fail(std::move(taken).error());
  }
  if (failure_) return *std::move(failure_);
  if (form_ == Form::unknown) return Error(ErrorCode::unavailable, "closed the connection without an answer");
  return assembler_->finish();
}

}  // namespace weir::tools::models

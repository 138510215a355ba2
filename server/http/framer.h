// Collects the bytes of a connection until one whole request is there, and refuses what is malformed, ambiguous
// or too large before anything else sees it (RFC 9112). Pure: no sockets, no clock, no parser.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/head_rules.h"

namespace weir::http {

struct FramerLimits {
  std::size_t head_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 1024 * 1024;
};

// A request whose framing is beyond doubt; the body is decoded. Not thread-safe: a value.
struct FramedRequest {
  RequestHead head;
  HeadMeaning meaning;
  std::string body;
};

// Fed in any pieces, the result is the same; the work is linear in the bytes. What follows a request (pipelining)
// is kept for the next one. Not thread-safe: owned by a connection.
class RequestFramer {
 public:
  enum class Progress {
    empty,     // nothing of a request has arrived
    head,      // part of a head
    body,      // the head is valid, part of the body is missing
    complete,  // take() gives the request
    refused,   // refusal() says why; nothing more is accepted
  };

  explicit RequestFramer(const FramerLimits& limits) : limits_(limits) {}

  // Adds bytes and goes as far as they allow. The caller bounds what it feeds beyond a complete request.
  Progress feed(std::string_view bytes);
  [[nodiscard]] Progress progress() const { return progress_; }
  // Only when complete. Goes on with the bytes that follow: see progress().
  FramedRequest take();
  // Only when refused.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  // True once per request, if its sender waits for "100 Continue" before the body (RFC 9110 §10.1.1).
  bool takes_continue();
  // Bytes that belong to no complete request yet, or to one behind a complete one.
  [[nodiscard]] std::size_t buffered_bytes() const { return buffer_.size() - position_; }
  // All that is kept of an unfinished request.
  [[nodiscard]] std::size_t held_bytes() const { return buffer_.size() + request_.body.size(); }
  // Gives memory back while nothing is buffered.
  void release_memory();
  // Forgets what has come: nothing more is framed.
  void abandon();

 private:
  enum class State : std::uint8_t { head, sized_body, chunk_size, chunk_data, chunk_end, trailers, complete, refused };

  void advance();
  bool step();
  bool read_head_line();
  bool end_head();
  bool read_sized_body();
  bool read_chunk_size();
  bool read_chunk_data();
  bool read_chunk_end();
  bool read_trailer();
  // Takes the next line out of the buffer. False if it is incomplete, has a bare LF, or would make what began at
  // `section_start_` longer than `section_bytes_max`; the latter two refuse.
  bool next_line(std::size_t section_bytes_max, std::string_view& line);
  bool refuse_long_section();
  bool refuse(Refusal refusal);
  void compact();

  const FramerLimits limits_;
  State state_ = State::head;
  Progress progress_ = Progress::empty;
  bool has_request_line_ = false;
  bool has_sent_continue_ = false;
  std::string buffer_;
  std::size_t position_ = 0;       // everything before is consumed
  std::size_t scanned_ = 0;        // no LF between position_ and here
  std::size_t section_start_ = 0;  // of the head or of the trailers
  std::uint64_t missing_ = 0;      // of the sized body or of the chunk
  std::size_t extension_bytes_ = 0;
  FramedRequest request_;
  Refusal refusal_;
};

}  // namespace weir::http

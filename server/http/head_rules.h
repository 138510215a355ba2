// What one line of a request head may look like (RFC 9112 §3 and §5), and what the head as a whole must say
// (Host, body framing). Pure: no state, no I/O. Not for collecting the lines: that is the framer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace weir::http {

// Why a request is not served: the status to answer and one sentence for its sender. Not thread-safe: a value.
struct Refusal {
  int status = 400;
  std::string message;
};

// Not thread-safe: a value.
struct RequestHead {
  std::string method;
  std::string target;  // as sent
  int minor_version = 1;
  Headers headers;
};

// How the body is delimited (RFC 9112 §6.3), and what the head asks of the connection. Not thread-safe: a value.
struct HeadMeaning {
  bool is_chunked = false;
  std::uint64_t content_length = 0;
  bool expects_continue = false;
  bool keeps_alive = true;
};

bool equal_without_case(std::string_view left, std::string_view right);
// Without the spaces and tabs at both ends (RFC 9110 §5.5, OWS).
std::string_view without_outer_space(std::string_view value);
// RFC 9110 §5.6.2.
bool is_token(std::string_view text);
// The value of `digit` as a hexadecimal digit, or -1.
int hex_value(char digit);
// True if the comma-separated list `value` holds `token`, compared without case.
bool list_holds(std::string_view value, std::string_view token);

// Both take a line without its CRLF and add what it says to `head`; a refusal if it is not valid.
std::optional<Refusal> read_request_line(std::string_view line, RequestHead& head);
std::optional<Refusal> read_header_line(std::string_view line, Headers& headers);

// Judges a complete head and fills `meaning`. A body longer than `body_bytes_max` is refused here, before any
// of it is read.
std::optional<Refusal> read_meaning(const RequestHead& head, std::size_t body_bytes_max, HeadMeaning& meaning);

// The origin form of a target ("/path?query"): an absolute one ("http://host/path") loses its authority, "*"
// becomes "/" (RFC 9112 §3.2).
std::string origin_form(std::string_view target);

}  // namespace weir::http

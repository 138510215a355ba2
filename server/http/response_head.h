// The bytes of a response head: status line, the handler's header fields made harmless, and the fields that
// belong to the connection (Date, Content-Length, Transfer-Encoding, Connection). Pure but for the date.
#pragma once
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace weir::http {

// How the body is delimited.
enum class BodyFraming {
  sized,    // Content-Length
  chunked,  // until the last chunk
  closed,   // until the connection closes
};

// What the connection decides about a response. Not thread-safe: a value.
struct HeadPlan {
  int minor_version = 1;  // of the request
  bool keeps_alive = true;
  BodyFraming framing = BodyFraming::sized;
};

// Ends with the empty line. A header field whose name is not a token is left out; CR, LF and NUL in a value
// become spaces, so that no value can begin another field (response splitting). Content-Length, Date,
// Transfer-Encoding and Connection of `response` are ignored.
std::string response_head(const Response& response, const HeadPlan& plan);

// RFC 9110 §15: 1xx, 204 and 304 have neither body nor Content-Length.
bool status_has_body(int status);

// "Sun, 22 Nov 2026 04:03:00 GMT" (RFC 9110 §5.6.7), made once a second and thread. Valid until the next call
// on this thread.
std::string_view http_date();

}  // namespace weir::http

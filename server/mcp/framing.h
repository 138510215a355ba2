// How HTTP may carry an answer: what the media types of a request allow. Pure.
#pragma once
#include <string_view>

#include "server/http/message.h"

namespace weir::mcp {

// True for application/json with whatever parameters (RFC 9110 §8.3).
bool is_json_content(const http::Headers& headers);

// What the client can read. A missing Accept means anything (RFC 9110 §12.5.1).
struct Accepts {
  bool json = false;
  bool event_stream = false;
};
Accepts accepts(const http::Headers& headers);

}  // namespace weir::mcp

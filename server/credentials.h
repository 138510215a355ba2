// Finds the API key that a request presents: which header, which form, and what to tell someone who sent it wrong.
// Pure: whether the key is known is the gate's question.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http/message.h"

namespace weir::server {

// Not thread-safe: a value.
struct Credentials {
  std::string_view key;     // points into the request
  std::string_view header;  // "Authorization" or "X-API-Key": what the key came in
};

// Returns unauthorized if no key was sent (without a field) or Authorization holds another scheme (with one), and
// bad_request if two different keys were sent or one is in the query string.
Result<Credentials> find_credentials(const http::Request& request);

// Why a text without the form of a key has it not, without repeating the text.
Error malformed_key_error(const Credentials& credentials);

// An unauthorized error about a key that was sent. The field is what tells error_reply that a token was presented
// (RFC 6750 section 3.1 wants error="invalid_token" only then).
Error rejected_key_error(ErrorCode code, std::string_view header, std::string message);

}  // namespace weir::server

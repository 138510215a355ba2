// The error object that the connection layer sends when the program has not set another.
#include <array>
#include <span>

#include "base/json.h"
#include "base/random.h"
#include "server/http/server.h"

namespace weir::http {
namespace {

constexpr std::size_t kRequestIdCharacters = 20;

// The words of the product's error codes (docs/reference/errors.md) for the statuses that arise here.
std::string_view error_word(int status) {
  switch (status) {
    case 408: return "timed_out";
    case 413: return "payload_too_large";
    case 429: return "concurrency_limit";
    case 500: return "internal";
    case 503: return "unavailable";
    default: return "bad_request";
  }
}

}  // namespace

Response default_error_body(int status, std::string_view message) {
  SystemRandom random;
  const std::string request_id = "req_" + random.base62(kRequestIdCharacters);
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.headers.add("X-Request-ID", request_id);
  response.body = to_text(Json{{"error", error_word(status)},
                               {"message", message},
                               {"detail", message},
                               {"status", status},
                               {"request_id", request_id}});
  return response;
}

}  // namespace weir::http

#include "base/error.h"

namespace weir {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_request: return "bad_request";
    case ErrorCode::validation_failed: return "validation_failed";
    case ErrorCode::unauthorized: return "unauthorized";
    case ErrorCode::api_key_expired: return "api_key_expired";
    case ErrorCode::forbidden: return "forbidden";
    case ErrorCode::insufficient_scope: return "insufficient_scope";
    case ErrorCode::target_not_verified: return "target_not_verified";
    case ErrorCode::address_not_allowed: return "address_not_allowed";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::method_not_allowed: return "method_not_allowed";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::target_busy: return "target_busy";
    case ErrorCode::idempotency_mismatch: return "idempotency_mismatch";
    case ErrorCode::payload_too_large: return "payload_too_large";
    case ErrorCode::unsupported_media_type: return "unsupported_media_type";
    case ErrorCode::rate_limit_exceeded: return "rate_limit_exceeded";
    case ErrorCode::concurrency_limit: return "concurrency_limit";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::timed_out: return "timed_out";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

Error internal_error(std::string cause) {
  return Error(ErrorCode::internal,
               "Something went wrong inside Weir. The request id finds the cause in the server's log.")
      .because(std::move(cause));
}

}  // namespace weir

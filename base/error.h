// The one vocabulary of failure. Every refusal that a caller may see is an Error; its code is spelt the
// same here, in JSON, in the log and in docs/reference/errors.md. Not for our own mistakes: see check.h.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// The names are the wire names (api.md section 1). server/error_reply.cc maps each to HTTP and JSON-RPC.
enum class ErrorCode : std::uint8_t {
  bad_request,
  validation_failed,
  unauthorized,
  api_key_expired,
  forbidden,
  insufficient_scope,
  target_not_verified,
  address_not_allowed,
  not_found,
  method_not_allowed,
  conflict,
  target_busy,
  idempotency_mismatch,
  payload_too_large,
  unsupported_media_type,
  rate_limit_exceeded,
  concurrency_limit,
  cancelled,
  timed_out,
  unavailable,
  internal,
};

inline constexpr ErrorCode kLastErrorCode = ErrorCode::internal;

// "not_found" for ErrorCode::not_found.
std::string_view to_string(ErrorCode code);

// One wrong field of a request: `field` is a dotted path such as "scope_hosts[2]"; `message` says what came
// and what is expected.
struct FieldError {
  std::string field;
  std::string message;
};

// `message` may be shown to callers: what was wrong, with which value, what to do. `cause` goes to the log
// only (an exception text, a driver's complaint). Not thread-safe: a value.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string cause;
  std::vector<FieldError> fields;
  std::optional<std::chrono::milliseconds> retry_after;

  Error(ErrorCode error_code, std::string text) : code(error_code), message(std::move(text)) {}

  Error&& because(std::string text) && {
    cause = std::move(text);
    return std::move(*this);
  }
  Error&& retry_in(std::chrono::milliseconds delay) && {
    retry_after = delay;
    return std::move(*this);
  }
  Error&& with_field(std::string field, std::string text) && {
    fields.push_back({std::move(field), std::move(text)});
    return std::move(*this);
  }
};

// The usual answer to a surprise: the caller learns nothing but that it was not their fault.
Error internal_error(std::string cause);

}  // namespace weir

// Time as a parameter. Everything that needs the time takes a Clock&, so that tests can move it.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// Wall-clock time in milliseconds since the Unix epoch: what is stored and shown.
using UnixMillis = std::chrono::sys_time<std::chrono::milliseconds>;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall-clock time; may jump when the machine's clock is set. For records, expiry and headers.
  [[nodiscard]] virtual UnixMillis now() const = 0;
  // Monotonic; for deadlines and for the limiter's windows.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady_now() const = 0;
};

// Thread-safe.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] UnixMillis now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override;
};

// RFC 3339 UTC with milliseconds: "2026-11-22T04:03:00.125Z".
std::string to_rfc3339(UnixMillis time);
// Accepts "Z" and numeric offsets, with or without a fraction. Returns bad_request if it is not a time.
Result<UnixMillis> parse_rfc3339(std::string_view text);

inline std::int64_t to_unix_ms(UnixMillis time) { return time.time_since_epoch().count(); }
inline UnixMillis from_unix_ms(std::int64_t ms) { return UnixMillis{std::chrono::milliseconds{ms}}; }

}  // namespace weir

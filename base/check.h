// CHECK(condition, "why it must hold"): for our own mistakes, on in release builds too. Prints and aborts:
// crashing early is better than serving corrupt state. Not for bad input, which is an Error.
#pragma once

namespace weir::detail {
[[noreturn]] void check_failed(const char* condition, const char* why, const char* file, int line);
}  // namespace weir::detail

#define CHECK(condition, why)                                              \
  do {                                                                     \
    if (!(condition)) [[unlikely]]                                         \
      ::weir::detail::check_failed(#condition, (why), __FILE__, __LINE__); \
  } while (false)

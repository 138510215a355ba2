// Turns many small pieces of a text that arrive fast (a model's tokens) into few events: what has gathered is published
// when it is old enough or long enough. Pure: the caller has the clock and publishes.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace weir::streaming {

// Not thread-safe: owned by whoever receives the pieces.
class DeltaCoalescer {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // The longest that a piece waits, and how much is published without waiting.
  static constexpr std::chrono::milliseconds kAgeMax{100};
  static constexpr std::size_t kBytesMax = 512;

  // Adds `piece`. Returns what to publish now: all that has gathered, once it is kBytesMax long or its oldest piece is
  // kAgeMax old; else nothing. A piece is never divided.
  std::optional<std::string> add(std::string_view piece, TimePoint now);
  // When take() is due if no other piece comes; nothing if nothing has gathered.
  [[nodiscard]] std::optional<TimePoint> due() const;
  // What has gathered, whatever its age; "" if nothing: for the deadline and for the end of the text.
  std::string take();

 private:
  std::string gathered_;
  TimePoint oldest_{};
};

}  // namespace weir::streaming

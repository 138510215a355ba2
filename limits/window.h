// The rule itself: no more than L units in any trailing W, exactly. A ring of the times at which units were spent,
// 4 bytes each. Pure: it knows no clock, no lock and no key. Not for sharing between nodes: that is the Redis script.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>

namespace weir::limits {

// What a window answers. Not thread-safe: a value.
struct WindowDecision {
  bool is_admitted = false;
  std::uint32_t remaining = 0;
  std::chrono::milliseconds reset_in{0};  // until the next unit becomes free; 0 if nothing is spent
  std::chrono::milliseconds retry_in{0};  // on a refusal: until this very cost would be admitted
  std::int64_t stamp_ms = 0;              // what refund() wants to know
};

// A time as the window counts it: whole milliseconds, rounded down when asking and up when spending. Made once for all
// the questions of a decision. Not thread-safe: a value.
struct Moment {
  std::int64_t floor_ms = 0;
  std::int64_t ceil_ms = 0;

  Moment(std::chrono::steady_clock::time_point time)  // NOLINT(google-explicit-constructor): the same moment
      : floor_ms(std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count()),
        ceil_ms(floor_ms + (time.time_since_epoch() > std::chrono::milliseconds{floor_ms} ? 1 : 0)) {}
};

// Units spent at t count for every now with now - t < W and for none with now - t >= W: the window is half open, so
// that the L+1st unit is admitted exactly W after the first. Times are kept in whole milliseconds, rounded up when
// spending and down when asking, so rounding can only delay, never admit one unit too many.
// Memory: nothing until the first unit, then what is used, at most the limit, 4 bytes a unit.
// Not thread-safe: owned by a key's budget, which locks.
class Window {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Longer windows do not fit the 32-bit offsets with room for rebasing.
  static constexpr std::chrono::milliseconds kLengthMax = std::chrono::hours{24 * 24};

  // Spends `cost` units, or none. A cost above `limit` is refused with the window's length as the delay. `limit` and
  // `length` may differ from call to call (a changed tier): what is spent stays spent. A clock that goes backwards
  // makes nothing free early: what is spent then counts from the newest unit's time.
  WindowDecision admit(std::uint32_t cost, Moment now, std::uint32_t limit, std::chrono::milliseconds length);

  // The same in steps, for a call that must satisfy several windows at once: expire each, ask each has_room(), then
  // spend() in all, with one stamp (the largest of their next_stamp()).
  void expire(Moment now, std::chrono::milliseconds length);
  [[nodiscard]] bool has_room(std::uint32_t cost, std::uint32_t limit) const {
    return cost <= limit && count_ <= limit - cost;
  }
  [[nodiscard]] std::int64_t next_stamp(Moment now) const;
  void spend(std::uint32_t cost, std::int64_t stamp_ms, std::uint32_t limit);
  [[nodiscard]] std::uint32_t remaining(std::uint32_t limit) const { return count_ < limit ? limit - count_ : 0; }
  [[nodiscard]] std::chrono::milliseconds reset_in(Moment now, std::chrono::milliseconds length) const;
  [[nodiscard]] std::chrono::milliseconds retry_in(std::uint32_t cost, Moment now, std::uint32_t limit,
                                                   std::chrono::milliseconds length) const;

  // Takes back up to `cost` units that were spent with this stamp. The number taken back.
  std::uint32_t refund(std::int64_t stamp_ms, std::uint32_t cost);

  // Units held, expired ones included until the next expire().
  [[nodiscard]] std::uint32_t size() const { return count_; }
  // True if every unit has left by `now`.
  [[nodiscard]] bool is_idle(Moment now, std::chrono::milliseconds length) const;
  [[nodiscard]] std::size_t heap_bytes() const { return capacity_ * sizeof(std::uint32_t); }

 private:
  [[nodiscard]] std::uint32_t& slot(std::uint32_t index) const;
  [[nodiscard]] std::int64_t time_of(std::uint32_t index) const { return base_ms_ + slot(index); }
  void reserve(std::uint32_t units, std::uint32_t limit);
  void rebase(std::int64_t stamp_ms);

  std::unique_ptr<std::uint32_t[]> offsets_;  // NOLINT(cppcoreguidelines-avoid-c-arrays): 8 bytes, not 24
  std::uint32_t capacity_ = 0;
  std::uint32_t head_ = 0;  // the oldest unit
  std::uint32_t count_ = 0;
  std::int64_t base_ms_ = 0;  // offsets are from here
};

}  // namespace weir::limits

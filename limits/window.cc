#include "limits/window.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace weir::limits {
namespace {

using std::chrono::milliseconds;

// The first ring: a key that makes a call now and then costs 32 bytes.
constexpr std::uint32_t kFirstCapacity = 8;

}  // namespace

std::uint32_t& Window::slot(std::uint32_t index) const {
  const std::uint64_t place = std::uint64_t{head_} + index;
  return offsets_[place < capacity_ ? place : place - capacity_];
}

WindowDecision Window::admit(std::uint32_t cost, Moment now, std::uint32_t limit, milliseconds length) {
  expire(now, length);
  WindowDecision decision;
  decision.is_admitted = cost == 0 || has_room(cost, limit);
  if (!decision.is_admitted) {
    decision.retry_in = retry_in(cost, now, limit, length);
  } else if (cost > 0) {
    decision.stamp_ms = next_stamp(now);
    spend(cost, decision.stamp_ms, limit);
  }
  decision.remaining = remaining(limit);
  decision.reset_in = reset_in(now, length);
  return decision;
}

void Window::expire(Moment now, milliseconds length) {
  const std::int64_t last_gone_ms = now.floor_ms - length.count();
  // Each unit is dropped once, so this costs a spent unit's price at most once more.
  while (count_ > 0 && base_ms_ + offsets_[head_] <= last_gone_ms) {
    head_ = head_ + 1 < capacity_ ? head_ + 1 : 0;
    --count_;
  }
}

std::int64_t Window::next_stamp(Moment now) const {
  const std::int64_t stamp_ms = now.ceil_ms;
  // Two threads may reach the lock in the other order than they read the clock; the ring must stay sorted.
  return count_ > 0 ? std::max(stamp_ms, time_of(count_ - 1)) : stamp_ms;
}

void Window::spend(std::uint32_t cost, std::int64_t stamp_ms, std::uint32_t limit) {
  if (cost == 0) return;
  if (count_ + cost > capacity_) reserve(count_ + cost, limit);
  if (count_ == 0) base_ms_ = stamp_ms;
  if (stamp_ms - base_ms_ > std::numeric_limits<std::uint32_t>::max()) rebase(stamp_ms);
  const auto offset = static_cast<std::uint32_t>(stamp_ms - base_ms_);
  for (std::uint32_t unit = 0; unit < cost; ++unit) {
    ++count_;
    slot(count_ - 1) = offset;
  }
}

milliseconds Window::reset_in(Moment now, milliseconds length) const {
  if (count_ == 0) return milliseconds{0};
  return milliseconds{time_of(0) + length.count() - now.floor_ms};
}

milliseconds Window::retry_in(std::uint32_t cost, Moment now, std::uint32_t limit, milliseconds length) const {
  if (cost > limit) return length;  // never: the caller learns that from the limit
  if (has_room(cost, limit)) return milliseconds{0};
  const std::uint32_t must_leave = count_ - (limit - cost);
  return milliseconds{time_of(must_leave - 1) + length.count() - now.floor_ms};
}

std::uint32_t Window::refund(std::int64_t stamp_ms, std::uint32_t cost) {
  std::uint32_t end = count_;
  while (end > 0 && time_of(end - 1) > stamp_ms) --end;
  std::uint32_t begin = end;
  while (begin > 0 && end - begin < cost && time_of(begin - 1) == stamp_ms) --begin;

  const std::uint32_t taken = end - begin;
  if (taken == 0) return 0;
  for (std::uint32_t index = end; index < count_; ++index) slot(index - taken) = slot(index);
  count_ -= taken;
  return taken;
}

bool Window::is_idle(Moment now, milliseconds length) const {
  return count_ == 0 || time_of(count_ - 1) + length.count() <= now.floor_ms;
}

void Window::reserve(std::uint32_t units, std::uint32_t limit) {
  // Doubling, but never beyond what the limit can fill; a lowered limit leaves more units than it admits.
  const std::uint64_t doubled = std::max<std::uint64_t>(kFirstCapacity, std::uint64_t{capacity_} * 2);
  const auto capacity =
      static_cast<std::uint32_t>(std::max<std::uint64_t>(units, std::min<std::uint64_t>(doubled, limit)));
  auto offsets = std::make_unique<std::uint32_t[]>(capacity);  // NOLINT(cppcoreguidelines-avoid-c-arrays)
  for (std::uint32_t index = 0; index < count_; ++index) offsets[index] = slot(index);
  offsets_ = std::move(offsets);
  capacity_ = capacity;
  head_ = 0;
}

void Window::rebase(std::int64_t stamp_ms) {
  const std::uint32_t shift = offsets_[head_];
  for (std::uint32_t index = 0; index < count_; ++index) slot(index) -= shift;
  base_ms_ += shift;
  CHECK(stamp_ms - base_ms_ <= std::numeric_limits<std::uint32_t>::max(),
        "expire() ran first and no window is longer than kLengthMax");
}

}  // namespace weir::limits

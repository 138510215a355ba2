// Every open connection under a token that is never given twice, and its deadline. Epoll events, timers and
// shutdown reach connections only through here, so none of them meets one that is gone.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace weir::http {

class Connection;

// Slot in the low half, generation (from 1) in the high half: tokens below 2^32 belong to no connection.
using ConnectionToken = std::uint64_t;

// Shares each connection with its exchange and stream; the last of them lets go. Thread-safe.
class ConnectionTable {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit ConnectionTable(std::size_t connections_max);

  // Nothing if `connections_max` connections are open.
  std::optional<ConnectionToken> reserve();
  void put(ConnectionToken token, std::shared_ptr<Connection> connection);
  // Null if the connection is closed.
  [[nodiscard]] std::shared_ptr<Connection> find(ConnectionToken token) const;
  void remove(ConnectionToken token);
  [[nodiscard]] std::vector<std::shared_ptr<Connection>> all() const;
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  // When the connection wants to be called; TimePoint::max() for never. Cheap: one store.
  void set_deadline(ConnectionToken token, TimePoint deadline);
  // The connections whose deadline has passed, at most `count_max`. Reads one word a slot: a sweep over 20 000
  // connections takes microseconds, which is why there is no heap of timers.
  [[nodiscard]] std::vector<ConnectionToken> expired(TimePoint now, std::size_t count_max) const;

 private:
  struct Slot {
    std::atomic<TimePoint::rep> deadline{TimePoint::max().time_since_epoch().count()};
    std::atomic<std::uint32_t> generation{1};
    std::shared_ptr<Connection> connection;  // guarded by the stripe
  };
  static constexpr std::size_t kStripes = 64;

  static std::size_t slot_of(ConnectionToken token) { return token & 0xFFFF'FFFFU; }
  static std::uint32_t generation_of(ConnectionToken token) { return static_cast<std::uint32_t>(token >> 32); }
  [[nodiscard]] std::mutex& stripe(std::size_t slot) const { return stripes_[slot % kStripes]; }

  const std::unique_ptr<Slot[]> slots_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::size_t> used_slots_{0};  // slots from here on were never used
  mutable std::array<std::mutex, kStripes> stripes_;
  std::mutex free_mutex_;
  std::vector<std::uint32_t> free_;
  const std::size_t connections_max_;
};

}  // namespace weir::http

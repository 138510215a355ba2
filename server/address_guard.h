// Counts wrong keys by address, so that keys cannot be guessed at speed: an address that failed too often is refused
// before any lookup. Known keys do not pass here, so that one bad client behind a shared address locks nobody out.
#pragma once
#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/guarded.h"
#include "limits/window.h"

namespace weir::server {

// At most `addresses_max` addresses; the one that failed longest ago makes room. An IPv6 address counts as its /64,
// which is what one household or machine is given. Thread-safe.
class AddressGuard {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  AddressGuard(std::uint32_t failures_max, std::size_t addresses_max)
      : failures_max_(failures_max), addresses_max_(addresses_max) {}

  // How long the address must wait, nothing if it may try. Never blocks.
  std::optional<std::chrono::milliseconds> delay(std::string_view address, TimePoint now);
  void count_failure(std::string_view address, TimePoint now);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::string network;
    limits::Window failures;
  };
  struct Table {
    std::list<Entry> entries;  // the latest failed first
    std::unordered_map<std::string, std::list<Entry>::iterator> by_network;
  };

  const std::uint32_t failures_max_;
  const std::size_t addresses_max_;
  Guarded<Table> table_;
};

}  // namespace weir::server

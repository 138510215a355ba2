#include "server/address_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace weir::server {
namespace {

constexpr std::chrono::milliseconds kWindow{60'000};

// Four bytes of IPv4, eight of an IPv6 /64; the text itself if it is no address.
std::string network_of(std::string_view address) {
  constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};  // ::ffff:0:0/96
  const std::string text(address.substr(0, address.find('%')));
  std::array<unsigned char, 16> bytes{};
  const auto from = [&](std::size_t begin, std::size_t size) {
    return std::string(reinterpret_cast<const char*>(bytes.data()) + begin, size);
  };
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return from(0, 4);
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return text;
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin()) ? from(12, 4) : from(0, 8);
}

}  // namespace

std::optional<std::chrono::milliseconds> AddressGuard::delay(std::string_view address, TimePoint now) {
  const std::string network = network_of(address);
  return table_.with([&](Table& table) -> std::optional<std::chrono::milliseconds> {
    const auto found = table.by_network.find(network);
    if (found == table.by_network.end()) return std::nullopt;
    limits::Window& failures = found->second->failures;
    failures.expire(now, kWindow);
    if (failures.has_room(1, failures_max_)) return std::nullopt;
    return failures.retry_in(1, now, failures_max_, kWindow);
  });
}

void AddressGuard::count_failure(std::string_view address, TimePoint now) {
  const std::string network = network_of(address);
  table_.with([&](Table& table) {
    auto found = table.by_network.find(network);
    if (found == table.by_network.end()) {
      if (table.entries.size() >= std::max<std::size_t>(1, addresses_max_)) {
        table.by_network.erase(table.entries.back().network);
        table.entries.pop_back();
      }
      table.entries.push_front(Entry{network, {}});
      found = table.by_network.emplace(network, table.entries.begin()).first;
    } else {
      table.entries.splice(table.entries.begin(), table.entries, found->second);
    }
    found->second->failures.admit(1, now, failures_max_, kWindow);
  });
}

std::size_t AddressGuard::size() const {
  return table_.with([](const Table& table) { return table.entries.size(); });
}

}  // namespace weir::server

// IP addresses and ranges as values, and what kind of network an address belongs to. Text is read strictly, so
// that what Weir checks and what the C library dials can never be two addresses. Pure: no DNS, no sockets.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::egress {

// What an address is, after IPv4-mapped, NAT64 (64:ff9b::/96) and 6to4 forms have been unwrapped.
enum class AddressClass : std::uint8_t { loopback, private_use, link_local, metadata, reserved, public_internet };
std::string_view to_string(AddressClass address_class);

// An IPv4 or IPv6 address, and nothing else. Not thread-safe: a value.
class IpAddress {
 public:
  // Only canonical dotted-quad and RFC 4291 text; no port, zone, brackets, octal, hex or short forms. Returns
  // validation_failed for anything else.
  static Result<IpAddress> parse(std::string_view text);
  // Returns validation_failed if `address` is null or of another family.
  static Result<IpAddress> from_socket(const sockaddr* address);
  // The form that connect() takes; the second is the length of what was filled.
  [[nodiscard]] std::pair<sockaddr_storage, socklen_t> to_socket(std::uint16_t port) const;

  [[nodiscard]] AddressClass address_class() const;
  // The IPv4 address inside an IPv4-mapped, IPv4-compatible, NAT64 or 6to4 address; any other address itself.
  [[nodiscard]] IpAddress unwrapped() const;
  [[nodiscard]] bool is_v6() const { return is_v6_; }
  [[nodiscard]] std::string to_text() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

  // Public so that a range can compare bits; an IPv4 address uses the first four bytes.
  std::array<std::uint8_t, 16> bytes{};

 private:
  bool is_v6_ = false;
};

// "10.1.0.0/16". Not thread-safe: a value.
class AddressRange {
 public:
  // A bare address is a range of one. Returns validation_failed if bits are set beyond the prefix: such a
  // range was probably meant to be another.
  static Result<AddressRange> parse(std::string_view text);
  // An IPv4 range also contains the wrapped IPv6 forms of its addresses.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string to_text() const;

 private:
  IpAddress network_;
  unsigned prefix_bits_ = 0;
};

}  // namespace weir::egress

#include "egress/ip_address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>
#include <iterator>

#include "base/log.h"

namespace weir::egress {
namespace {

constexpr unsigned kV4Bits = 32;
constexpr unsigned kV6Bits = 128;
// "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255": no longer text is an address.
constexpr std::size_t kAddressTextMax = 45;

struct V4Row {
  std::uint32_t network;
  unsigned bits;
  AddressClass address_class;
};

// The first row that matches decides. IANA's IPv4 special-purpose registry, and the metadata services.
constexpr V4Row kV4Rows[] = {
    {0xA9FEA9FE, 32, AddressClass::metadata},     // 169.254.169.254: AWS, Azure, Google, OpenStack
    {0x646464C8, 32, AddressClass::metadata},     // 100.100.100.200: Alibaba
    {0xA83F8110, 32, AddressClass::metadata},     // 168.63.129.16: Azure's wire server
    {0x7F000000, 8, AddressClass::loopback},      // RFC 1122 §3.2.1.3
    {0x0A000000, 8, AddressClass::private_use},   // RFC 1918
    {0xAC100000, 12, AddressClass::private_use},  // RFC 1918
    {0xC0A80000, 16, AddressClass::private_use},  // RFC 1918
    {0x64400000, 10, AddressClass::private_use},  // RFC 6598, shared by carriers
    {0xA9FE0000, 16, AddressClass::link_local},   // RFC 3927
    {0x00000000, 8, AddressClass::reserved},      // "this network"; 0.0.0.0 connects to loopback on Linux
    {0xC0000000, 24, AddressClass::reserved},     // RFC 6890 protocol assignments
    {0xC0000200, 24, AddressClass::reserved},     // TEST-NET-1, RFC 5737
    {0xC6336400, 24, AddressClass::reserved},     // TEST-NET-2
    {0xCB007100, 24, AddressClass::reserved},     // TEST-NET-3
    {0xC0586300, 24, AddressClass::reserved},     // RFC 7526, once 6to4 relays
    {0xC6120000, 15, AddressClass::reserved},     // RFC 2544 benchmarks
    {0xE0000000, 4, AddressClass::reserved},      // multicast
    {0xF0000000, 4, AddressClass::reserved},      // class E and broadcast
};

struct V6Row {
  std::array<std::uint16_t, 8> groups;
  unsigned bits;
  AddressClass address_class;
};

// The first row that matches decides; what matches none and is not global unicast is reserved.
constexpr V6Row kV6Rows[] = {
    {{0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254}, 128, AddressClass::metadata},  // AWS
    {{0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254}, 128, AddressClass::metadata},  // Google
    {{0, 0, 0, 0, 0, 0, 0, 1}, 128, AddressClass::loopback},
    {{0xfc00}, 7, AddressClass::private_use},        // RFC 4193
    {{0xfe80}, 10, AddressClass::link_local},        // RFC 4291 §2.5.6
    {{0x2001}, 23, AddressClass::reserved},          // RFC 2928: Teredo, benchmarks, ORCHID
    {{0x2001, 0x0db8}, 32, AddressClass::reserved},  // RFC 3849 documentation
    {{0x3fff}, 20, AddressClass::reserved},          // RFC 9637 documentation
    {{0x2000}, 3, AddressClass::public_internet},    // global unicast
};

bool prefix_equal(const std::uint8_t* left, const std::uint8_t* right, unsigned bits) {
  const unsigned whole = bits / 8;
  if (std::memcmp(left, right, whole) != 0) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFFU << (8 - rest));
  return ((left[whole] ^ right[whole]) & mask) == 0;
}

std::array<std::uint8_t, 16> bytes_of(const std::array<std::uint16_t, 8>& groups) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(groups[i] & 0xFF);
  }
  return bytes;
}

Error not_an_address(std::string_view text) {
  return {ErrorCode::validation_failed,
          "\"" + printable(text, 64) +
              "\" is not an IP address; write IPv4 as four decimal numbers "
              "(192.0.2.1) and IPv6 in hexadecimal groups (2001:db8::1), without port, zone or brackets"};
}

AddressClass v4_class(const std::array<std::uint8_t, 16>& bytes) {
  const std::uint32_t address = (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) |
                                (std::uint32_t{bytes[2]} << 8) | std::uint32_t{bytes[3]};
  for (const V4Row& row : kV4Rows) {
    if (((address ^ row.network) >> (kV4Bits - row.bits)) == 0) return row.address_class;
  }
  return AddressClass::public_internet;
}

}  // namespace

std::string_view to_string(AddressClass address_class) {
  switch (address_class) {
    case AddressClass::loopback: return "loopback";
    case AddressClass::private_use: return "private";
    case AddressClass::link_local: return "link-local";
    case AddressClass::metadata: return "metadata";
    case AddressClass::reserved: return "reserved";
    case AddressClass::public_internet: return "public";
  }
  return "unknown";
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() > kAddressTextMax) return not_an_address(text);
  if (text.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return not_an_address(text);
  const std::string terminated(text);
  IpAddress address;
  if (text.find(':') == std::string_view::npos) {
    in_addr raw{};
    if (inet_pton(AF_INET, terminated.c_str(), &raw) != 1) return not_an_address(text);
    std::memcpy(address.bytes.data(), &raw, sizeof raw);
    // Some C libraries take leading zeros here; the round trip refuses them everywhere.
    if (address.to_text() != text) return not_an_address(text);
    return address;
  }
  in6_addr raw{};
  if (inet_pton(AF_INET6, terminated.c_str(), &raw) != 1) return not_an_address(text);
  std::memcpy(address.bytes.data(), &raw, sizeof raw);
  address.is_v6_ = true;
  return address;
}

Result<IpAddress> IpAddress::from_socket(const sockaddr* address) {
  IpAddress result;
  if (address != nullptr && address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    std::memcpy(result.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return result;
  }
  if (address != nullptr && address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    std::memcpy(result.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    result.is_v6_ = true;
    return result;
  }
  return Error{ErrorCode::validation_failed, "the socket address is neither IPv4 nor IPv6"};
}

std::pair<sockaddr_storage, socklen_t> IpAddress::to_socket(std::uint16_t port) const {
  sockaddr_storage storage{};
  if (is_v6_) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, bytes.data(), sizeof v6.sin6_addr);
    std::memcpy(&storage, &v6, sizeof v6);
    return {storage, static_cast<socklen_t>(sizeof v6)};
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  std::memcpy(&v4.sin_addr, bytes.data(), sizeof v4.sin_addr);
  std::memcpy(&storage, &v4, sizeof v4);
  return {storage, static_cast<socklen_t>(sizeof v4)};
}

IpAddress IpAddress::unwrapped() const {
  if (!is_v6_) return *this;
  struct Wrapping {
    std::array<std::uint16_t, 8> groups;
    unsigned bits;
    std::size_t offset;  // of the IPv4 address, in bytes
  };
  static constexpr Wrapping kWrappings[] = {
      {{0, 0, 0, 0, 0, 0xffff}, 96, 12},  // IPv4-mapped, RFC 4291 §2.5.5.2
      {{0x0064, 0xff9b}, 96, 12},         // NAT64, RFC 6052
      {{0x2002}, 16, 2},                  // 6to4, RFC 3056
      {{}, 96, 12},                       // IPv4-compatible, RFC 4291 §2.5.5.1
  };
  for (const Wrapping& wrapping : kWrappings) {
    if (!prefix_equal(bytes.data(), bytes_of(wrapping.groups).data(), wrapping.bits)) continue;
    IpAddress inner;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(wrapping.offset), 4, inner.bytes.begin());
    // :: and ::1 have the shape of the last row but are addresses of their own.
    const bool is_compatible = wrapping.bits == 96 && wrapping.groups == std::array<std::uint16_t, 8>{};
    if (is_compatible && inner.bytes[0] == 0 && inner.bytes[1] == 0) return *this;
    return inner;
  }
  return *this;
}

AddressClass IpAddress::address_class() const {
  const IpAddress inner = unwrapped();
  if (!inner.is_v6_) return v4_class(inner.bytes);
  for (const V6Row& row : kV6Rows) {
    if (prefix_equal(bytes.data(), bytes_of(row.groups).data(), row.bits)) return row.address_class;
  }
  return AddressClass::reserved;
}

std::string IpAddress::to_text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v6_ ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
  return text.data();
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const auto refuse = [text](std::string_view why) {
    return Error{ErrorCode::validation_failed, "\"" + printable(text, 64) + "\" is not an address range: " +
                                                   std::string(why) + "; write it like 10.1.0.0/16 or fd00::/8"};
  };
  const std::size_t slash = text.find('/');
  auto network = IpAddress::parse(text.substr(0, slash));
  if (!network) return refuse("what stands before the slash is not an address");
  AddressRange range;
  range.network_ = *network;
  const unsigned width = network->is_v6() ? kV6Bits : kV4Bits;
  range.prefix_bits_ = width;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), range.prefix_bits_);
    const bool is_number = status == std::errc{} && end == digits.data() + digits.size();
    if (!is_number || range.prefix_bits_ > width) {
      return refuse("the prefix length must be 0 to " + std::to_string(width));
    }
  }
  for (unsigned bit = range.prefix_bits_; bit < width; ++bit) {
    if ((network->bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) return refuse("bits are set beyond the prefix");
  }
  return range;
}

bool AddressRange::contains(const IpAddress& address) const {
  const IpAddress candidate = network_.is_v6() ? address : address.unwrapped();
  if (candidate.is_v6() != network_.is_v6()) return false;
  return prefix_equal(candidate.bytes.data(), network_.bytes.data(), prefix_bits_);
}

std::string AddressRange::to_text() const { return network_.to_text() + "/" + std::to_string(prefix_bits_); }

}  // namespace weir::egress

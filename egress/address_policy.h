// Which addresses Weir may connect to. Every outgoing connection passes here, with the very address that is
// about to be dialled (scans.md section 6). Pure: no DNS, no sockets.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "egress/ip_address.h"
#include "egress/url.h"

namespace weir::egress {

struct PolicySettings {
  bool allow_loopback = false;
  std::vector<AddressRange> allowed_private{};  // private addresses outside these are refused
  // Weir's own listener, which only a target flagged `self` may reach. Port 0: none.
  std::uint16_t own_port = 0;
  std::string settings_group = "scans";  // which settings a refusal names: "scans.allow_loopback"
};

// Immutable.
class AddressPolicy {
 public:
  explicit AddressPolicy(PolicySettings settings) : settings_(std::move(settings)) {}
  // Success if a connection to `address`:`port` may be made; else address_not_allowed with a message that says
  // which class of address it is and what the operator could change, if anything. Self::included is for
  // targets that are Weir itself.
  enum class Self : std::uint8_t { excluded, included };
  [[nodiscard]] Result<void> check(const IpAddress& address, std::uint16_t port, Self self = Self::excluded) const;
  // Every answer of one resolution: each must pass, and public and non-public must not be mixed. None at all is
  // refused as well.
  [[nodiscard]] Result<void> check_all(const std::vector<IpAddress>& addresses, std::uint16_t port,
                                       Self self = Self::excluded) const;
  // Names that clouds give to their metadata services are refused before they are resolved, because inside a
  // cloud they may resolve to anything. `host` as in Url::host.
  [[nodiscard]] Result<void> check_host_name(std::string_view host) const;

 private:
  PolicySettings settings_;
};

}  // namespace weir::egress

#include "egress/address_policy.h"

#include <algorithm>

#include "base/log.h"

namespace weir::egress {
namespace {

// Names of the metadata services of Google and AWS; the rest only have addresses.
constexpr std::string_view kMetadataNames[] = {"metadata",      "metadata.google.internal",   "metadata.goog",
                                               "instance-data", "instance-data.ec2.internal", "metadata.internal"};

Error refused(const IpAddress& address, std::uint16_t port, std::string_view why) {
  return {ErrorCode::address_not_allowed,
          address.to_text() + " port " + std::to_string(port) + " is " + std::string(why)};
}

}  // namespace

Result<void> AddressPolicy::check(const IpAddress& address, std::uint16_t port, Self self) const {
  switch (address.address_class()) {
    case AddressClass::public_internet: return {};
    case AddressClass::metadata:
      return refused(address, port, "a cloud metadata service, which hands out credentials; it is never contacted");
    case AddressClass::link_local: return refused(address, port, "a link-local address; these are never contacted");
    case AddressClass::reserved:
      return refused(address, port,
                     "a reserved address (unspecified, multicast, documentation, tunnel or future use); "
                     "these are never contacted");
    case AddressClass::loopback:
      if (!settings_.allow_loopback) {
        return refused(address, port,
                       "a loopback address; the operator can allow these with " + settings_.settings_group +
                           ".allow_loopback = true");
      }
      if (settings_.own_port != 0 && port == settings_.own_port && self != Self::included) {
        return refused(address, port, "Weir's own listener; only a target registered with \"self\": true may reach it");
      }
      return {};
    case AddressClass::private_use: {
      const auto allows = [&address](const AddressRange& range) { return range.contains(address); };
      if (std::any_of(settings_.allowed_private.begin(), settings_.allowed_private.end(), allows)) return {};
      return refused(address, port,
                     "a private address outside the allowed ranges; the operator can add its range to " +
                         settings_.settings_group + ".allow_private");
    }
  }
  return refused(address, port, "of an unknown class");
}

Result<void> AddressPolicy::check_all(const std::vector<IpAddress>& addresses, std::uint16_t port, Self self) const {
  if (addresses.empty()) {
    return Error{ErrorCode::address_not_allowed, "there is no address to connect to: the name has none"};
  }
  const IpAddress* public_one = nullptr;
  const IpAddress* other_one = nullptr;
  for (const IpAddress& address : addresses) {
    if (auto allowed = check(address, port, self); !allowed) return allowed;
    (address.address_class() == AddressClass::public_internet ? public_one : other_one) = &address;
  }
  if (public_one != nullptr && other_one != nullptr) {
    return Error{ErrorCode::address_not_allowed, "the name has a public address (" + public_one->to_text() +
                                                     ") and a " + std::string(to_string(other_one->address_class())) +
                                                     " one (" + other_one->to_text() +
                                                     "), as in a DNS rebinding attack; give it addresses of one kind"};
  }
  return {};
}

Result<void> AddressPolicy::check_host_name(std::string_view host) const {
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto same_name = [host](std::string_view name) {
    return std::equal(host.begin(), host.end(), name.begin(), name.end(), [](char left, char right) {
      return (left >= 'A' && left <= 'Z' ? left + ('a' - 'A') : left) == right;
    });
  };
  if (!std::any_of(std::begin(kMetadataNames), std::end(kMetadataNames), same_name)) return {};
  return Error{ErrorCode::address_not_allowed,
               "\"" + printable(host) + "\" is the name of a cloud metadata service; it is never contacted"};
}

}  // namespace weir::egress

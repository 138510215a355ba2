#include "egress/resolver.h"

#include <netdb.h>

#include <algorithm>

#include "base/log.h"

namespace weir::egress {
namespace {

// A name with more addresses is served by the first ones: the rest is never dialled, so need not be judged.
constexpr std::size_t kAddressesMax = 32;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// Thread-safe.
class SystemResolver final : public Resolver {
 public:
  Result<std::vector<IpAddress>> resolve(const std::string& host) override {
    if (auto literal = IpAddress::parse(host)) return std::vector<IpAddress>{*literal};
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* raw = nullptr;
    const int status = getaddrinfo(host.c_str(), nullptr, &hints, &raw);
    const std::unique_ptr<addrinfo, FreeAddresses> list(raw);
    if (status != 0) {
      return Error{ErrorCode::unavailable, "the name \"" + printable(host) + "\" could not be resolved: " +
                                               gai_strerror(status) + "; check its spelling and its DNS records"};
    }
    std::vector<IpAddress> addresses;
    for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
      auto address = IpAddress::from_socket(entry->ai_addr);
      if (!address || std::find(addresses.begin(), addresses.end(), *address) != addresses.end()) continue;
      addresses.push_back(*address);
      if (addresses.size() == kAddressesMax) break;
    }
    if (addresses.empty()) {
      return Error{ErrorCode::unavailable, "the name \"" + printable(host) + "\" has no IPv4 or IPv6 address"};
    }
    return addresses;
  }
};

}  // namespace

std::unique_ptr<Resolver> system_resolver() { return std::make_unique<SystemResolver>(); }

}  // namespace weir::egress

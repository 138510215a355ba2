// From a host name to the addresses that may be dialled. The one place where Weir asks the system's DNS for an
// outgoing connection, so that what was checked and what is dialled come from the same answer.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "egress/ip_address.h"

namespace weir::egress {

// Resolves a host name. Tests replace it; production uses getaddrinfo. Thread-safe.
class Resolver {
 public:
  virtual ~Resolver() = default;
  // Numeric addresses resolve to themselves. Returns unavailable if there is no answer. Blocks up to the
  // system resolver's timeout.
  virtual Result<std::vector<IpAddress>> resolve(const std::string& host) = 0;
};

// In the order in which the system would try them (RFC 6724), without duplicates, IPv4 and IPv6 together.
std::unique_ptr<Resolver> system_resolver();

}  // namespace weir::egress

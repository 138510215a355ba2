// Who is calling when proxies stand in between: the one place that reads X-Forwarded-For. Pure.
#pragma once
#include <span>
#include <string>

#include "egress/ip_address.h"
#include "server/http/message.h"

namespace weir::server {

// The peer's address, unless the peer is in `trusted`: then the rightmost address of X-Forwarded-For that is not. What
// stands left of that was written by somebody who is not trusted and means nothing. An entry that is no address ends
// the search at the hop that reported it, and so does the end of the header.
std::string client_address(const http::Request& request, std::span<const egress::AddressRange> trusted);

}  // namespace weir::server

// Which set of rules a POST is held to: the one of 2026-07-28, where each request stands alone, or the one of the
// revisions with sessions. Decided anew for each request, from nothing but the request. Pure.
#pragma once
#include <variant>

#include "server/http/message.h"
#include "server/mcp/jsonrpc.h"

namespace weir::mcp {

enum class Era : std::uint8_t { modern, session };

// An envelope decides; without one a header that names a modern version is an error to be told by the modern rules;
// everything else is a session's. `initialize` opens a session unless its envelope is valid. A batch, a posted response
// or an `initialize` that contradicts its header is a fault with HTTP 400.
std::variant<Era, Fault> choose_era(const Body& body, const http::Headers& headers);

}  // namespace weir::mcp

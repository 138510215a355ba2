// Capabilities: what this server offers, as discover and initialize say it, and what a client must have declared. Pure.
#pragma once
#include <string_view>

#include "base/json.h"
#include "server/mcp/jsonrpc.h"
#include "server/mcp/revision.h"

namespace weir::mcp {

struct Offers;

// ServerCapabilities.
Json capabilities(const Offers& offers, Revision revision);

// True if every member of `needed`, at every depth, is in `declared`.
bool has_capabilities(const Json& declared, const Json& needed);
// What a client must declare to be asked that: {"sampling": {}} for sampling/createMessage.
Json capabilities_needed_by(std::string_view client_method);
// -32021 with HTTP 400 (MCP 2026-07-28 "Missing Required Capabilities").
RpcError missing_capability(Json needed);

}  // namespace weir::mcp

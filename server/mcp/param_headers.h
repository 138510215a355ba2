// Arguments of a tool that a client repeats as headers `Mcp-Param-...`, so that what stands in between can route by them
// (MCP 2026-07-28 streamable-http, "Custom headers"). Pure.
#pragma once
#include <optional>

#include "base/json.h"
#include "server/http/message.h"
#include "server/mcp/jsonrpc.h"

namespace weir::mcp {

// Compares each argument whose property is marked `x-mcp-header` with its header; -32020 and HTTP 400 if a header is
// missing, given twice, no valid base64, says something else, or has no argument.
std::optional<RpcError> check_param_headers(const Json& input_schema, const Json& arguments,
                                            const http::Headers& headers);

}  // namespace weir::mcp

// What a modern request (2026-07-28) says about itself: the reserved members of `params._meta` and the headers that
// must repeat them. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "server/http/message.h"
#include "server/mcp/jsonrpc.h"
#include "server/mcp/revision.h"

namespace weir::mcp {

namespace meta {
inline constexpr std::string_view kProtocolVersion = "io.modelcontextprotocol/protocolVersion";
inline constexpr std::string_view kClientCapabilities = "io.modelcontextprotocol/clientCapabilities";
inline constexpr std::string_view kClientInfo = "io.modelcontextprotocol/clientInfo";
inline constexpr std::string_view kLogLevel = "io.modelcontextprotocol/logLevel";
inline constexpr std::string_view kSubscriptionId = "io.modelcontextprotocol/subscriptionId";
inline constexpr std::string_view kServerInfo = "io.modelcontextprotocol/serverInfo";
inline constexpr std::string_view kTraceParent = "traceparent";
inline constexpr std::string_view kProgressToken = "progressToken";
inline constexpr std::string_view kRateLimit = "weir/rateLimit";
}  // namespace meta

// Not thread-safe: a value.
struct Envelope {
  Revision revision = kModernRevision;
  Json client_capabilities = Json::object();
  Json client_info = Json::object();  // shown in logs at most; never decides anything
  std::string log_level;              // "" : the client wants no notifications/message
};

// True if the request names a protocol version in its _meta, whichever: then it is held to the rules of 2026-07-28.
bool claims_modern(const Message& message);
// True if the envelope is complete and names a version that is served without a session.
bool has_valid_envelope(const Message& message);

// Rows 9 to 12 of the validation order, in that order (MCP 2026-07-28 streamable-http, "Request headers"): required
// members (-32602), header against body (-32020), version served (-32022), headers missing (-32020). All HTTP 400.
std::variant<Envelope, Fault> check_envelope(const Message& message, const http::Headers& headers);

// The caller's W3C trace context (SEP-414), "" if there is none or it is longer than any version of it.
std::string trace_parent(const Message& message);
inline constexpr std::size_t kTraceParentBytesMax = 256;

// The caller's progress token, in every revision at the same place; null if there is none or it is neither a string
// nor an integer.
Json progress_token(const Message& message);

// A header value as it is meant: `=?base64?...?=` decoded, anything else as it is. Nothing if the base64 is broken.
std::optional<std::string> decode_header_value(std::string_view value);

}  // namespace weir::mcp

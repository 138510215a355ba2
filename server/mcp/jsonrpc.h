// JSON-RPC 2.0 as MCP narrows it: reading a body into messages, building answers. Pure. Knows nothing of methods,
// HTTP or revisions; the one trace of HTTP is the status that the specification binds to an error.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace weir::mcp {

// JSON-RPC 2.0 §5.1 and MCP 2026-07-28 "Error codes". Codes of our own are positive: outside every reserved band.
namespace code {
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kTransport = -32000;        // what HTTP refuses around a message: 403, 405, 406, 413, 415
inline constexpr int kSessionNotFound = -32001;  // session era, as the reference servers say it
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kMissingCapability = -32021;
inline constexpr int kUnsupportedVersion = -32022;
inline constexpr int kInsufficientScope = 403;
inline constexpr int kRateLimited = 429;
inline constexpr int kUnavailable = 503;
}  // namespace code

// Not thread-safe: a value.
struct RpcError {
  int code = code::kInternalError;
  std::string message;
  Json data = nullptr;    // null: no such member
  int http_status = 200;  // of the reply, if the error answers a single message
};

// An error and whose it is: the id that the answer echoes, null if there was none to read.
struct Fault {
  Json id = nullptr;
  RpcError error;
};

// Not thread-safe: a value.
struct Message {
  enum class Kind : std::uint8_t { request, notification, response };
  Kind kind = Kind::request;
  Json id = nullptr;             // string or integer; null for a notification
  std::string method;            // "" for a response
  Json params = Json::object();  // an object; empty if absent
  Json result = nullptr;         // of a response; null if it is an error
};

using Element = std::variant<Message, Fault>;

// Not thread-safe: a value.
struct Body {
  bool is_batch = false;
  std::vector<Element> elements;  // one if it is no batch
};

inline constexpr std::size_t kBatchMax = 20;

// Every fault carries HTTP 400: -32700 if it is not JSON, -32600 if it is not a message, an empty array or one with
// more than kBatchMax elements. A malformed element of a batch is that element's own fault.
std::variant<Body, Fault> parse_body(std::string_view text);

// Nothing is answered to a notification, so a request that forgot its id is told so: HTTP 400, -32600.
std::optional<Fault> fault_of_notification(const Message& message);

// The request as it came.
Json request_message(const Message& request);
Json result_message(const Json& id, Json result);
Json error_message(const Json& id, const RpcError& error);
Json notification_message(std::string_view method, Json params);

}  // namespace weir::mcp

// JSON-RPC 2.0 as a client of MCP reads and writes it: what others send is taken apart here and nowhere else. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir::tools::mcp_servers {

// -32601 and its like; the server's words, bounded and made printable. Not thread-safe: a value.
struct RpcError {
  std::int64_t code = 0;
  std::string message;
  Json data;
};
inline constexpr std::int64_t kMethodNotFound = -32'601;
inline constexpr std::int64_t kInvalidParams = -32'602;
inline constexpr std::int64_t kUnsupportedVersion = -32'022;  // MCP 2026-07-28
inline constexpr std::size_t kErrorMessageBytesMax = 2 * 1024;

// What a server sends. Not thread-safe: a value.
struct Incoming {
  enum class Kind : std::uint8_t { request, notification, response } kind = Kind::notification;
  Json id;  // of a request or a response: a text or a whole number
  std::string method;
  Json params = Json::object();
  Json result;                    // of a response without an error
  std::optional<RpcError> error;  // of a response
};

// One message, or a batch of them (2025-03-26 has batches), in order. Returns bad_request, saying what is wrong, if
// `text` is not JSON, or one of the messages is none of JSON-RPC 2.0.
Result<std::vector<Incoming>> read_messages(std::string_view text);
inline constexpr std::size_t kBatchMax = 64;

Json request_message(const Json& id, std::string_view method, const Json& params);
Json notification_message(std::string_view method, const Json& params);
Json result_message(const Json& id, Json result);
Json error_message(const Json& id, std::int64_t code, std::string_view message);

}  // namespace weir::tools::mcp_servers

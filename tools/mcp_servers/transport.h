// How messages reach an MCP server and come back: Streamable HTTP (http_transport) or the pipes of a process
// (stdio_transport). One contract suite runs over both. Knows nothing of handshakes or tools: that is mcp_client.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/mcp_servers/rpc_message.h"

namespace weir::tools::mcp_servers {

using HeaderLines = std::vector<std::pair<std::string, std::string>>;

// A request to be sent. Not thread-safe: a value.
struct Outgoing {
  std::int64_t id = 0;  // no two under way have the same
  std::string method;
  Json params = Json::object();
  HeaderLines headers{};  // of HTTP only
  std::chrono::steady_clock::time_point deadline{};
  std::stop_token stop{};
};

// The server's answer. Not thread-safe: a value.
struct Reply {
  Json result;
  std::optional<RpcError> error;
  int http_status = 200;  // of HTTP only; not a 2xx only together with an error
};

// What a server says of its own accord. Called on the transport's threads; must not block. May be empty.
struct Inbox {
  std::function<void(const Incoming& notification)> notified;
  std::function<Json(const Incoming& request)> asked;  // the answer, a whole message
  std::function<void()> closed;                        // the transport has become useless
};

// Thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;

  // Blocks until the answer, `deadline` or `stop`. Any answer of JSON-RPC is a success, errors too, and so is an HTTP
  // status that refuses (an error with code 0, if the body holds none). Returns timed_out, cancelled,
  // address_not_allowed, or unavailable with what went wrong in plain words.
  virtual Result<Reply> send(const Outgoing& request) = 0;
  // Sends a notification. Blocks up to `deadline`.
  virtual Result<void> notify(std::string_view method, const Json& params, const HeaderLines& headers,
                              std::chrono::steady_clock::time_point deadline) = 0;
  // Reads what the server says unasked on a stream of its own, until `stop`, or until the stream ends. Returns
  // not_found if there is no such stream: then it speaks on the others, or not at all.
  virtual Result<void> listen(const HeaderLines& headers, std::stop_token stop) = 0;
  // False once nothing can be sent any more; trouble() says why.
  [[nodiscard]] virtual bool is_open() const = 0;
  [[nodiscard]] virtual std::string trouble() const = 0;
  // Ends the session or the process, and what is under way with unavailable. Blocks up to kCloseGrace, a few times.
  virtual void close() = 0;
  static constexpr std::chrono::seconds kCloseGrace{2};
};

}  // namespace weir::tools::mcp_servers

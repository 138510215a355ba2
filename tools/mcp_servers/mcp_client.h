// One connection to an MCP server of others: which revision it speaks, its tools, calls of them. Tries 2026-07-28
// (server/discover) and falls back to the handshake of the older revisions. Offers the server nothing: no sampling, no
// roots; a question to a person is declined, and the caller is told so.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "tools/mcp_servers/param_headers.h"
#include "tools/mcp_servers/transport.h"

namespace weir::tools::mcp_servers {

// "2025-11-25" or older: sessions. 2026-07-28: each request says everything.
enum class Era : std::uint8_t { sessions, stateless };

// The message of a request that the server refused because it has forgotten the session: it was not done. What a server
// itself says never stands alone in a message.
inline constexpr std::string_view kSessionEnded = "has ended its session";

// Calls may run at the same time; open() and list_tools() are one thread's. Thread-safe.
class McpClient {
 public:
  // Makes the transport, with the inbox that it shall have.
  using Connect = std::function<Result<std::unique_ptr<Transport>>(Inbox)>;
  struct Callbacks {
    std::function<void()> tools_changed;  // notifications/tools/list_changed; must not block
    std::function<void()> closed;         // the transport has become useless; must not block
  };
  McpClient(Connect connect, Callbacks callbacks);
  ~McpClient();
  McpClient(const McpClient&) = delete;
  McpClient& operator=(const McpClient&) = delete;

  // Connects and settles the revision. Returns unauthorized if the server wants other credentials, unavailable or
  // timed_out with what went wrong. Blocks up to `deadline`; called once.
  Result<void> open(std::chrono::steady_clock::time_point deadline, std::stop_token stop);

  // The elements of tools/list, as they came. Returns unavailable if there are more than kToolsMax. Blocks up to
  // `deadline`.
  Result<std::vector<Json>> list_tools(std::chrono::steady_clock::time_point deadline, std::stop_token stop);

  // A call of a tool. Not thread-safe: a value.
  struct Call {
    std::string tool;
    Json arguments = Json::object();
    ParamHeaders param_headers{};                        // of its schema
    std::function<void(const Json& params)> progress{};  // of notifications/progress; may be empty
    std::chrono::steady_clock::time_point deadline{};
    std::stop_token stop{};
  };
  struct Answer {
    Json result;                     // CallToolResult
    std::vector<std::string> notes;  // what was declined on the way
  };
  // Returns validation_failed, not_found or unavailable for errors of the protocol, with the server's words; timed_out,
  // cancelled (the server is told in both cases). Blocks up to the call's deadline.
  Result<Answer> call_tool(const Call& call);

  // Hears of changes as they happen. Returns when the server ends that; not_found if it does not offer it. Blocks until
  // `stop`, at most an hour.
  Result<void> listen(std::stop_token stop);

  [[nodiscard]] bool is_open() const;
  // The server has forgotten the session: what was asked was not done.
  [[nodiscard]] bool is_session_lost() const { return is_session_lost_; }
  // Why it is not open any more.
  [[nodiscard]] std::string trouble() const;
  [[nodiscard]] std::string revision() const { return revision_; }
  // {"name", "version"} in its own words, bounded and printable; empty texts if it did not say. Once open.
  [[nodiscard]] const Json& server_info() const { return server_info_; }
  void close();

 private:
  struct ActiveCall {
    std::function<void(const Json&)> progress;
    std::vector<std::string> notes;
  };

  Result<Reply> request(const std::string& method, Json params, HeaderLines headers,
                        std::chrono::steady_clock::time_point deadline, const std::stop_token& stop,
                        std::int64_t id = 0);
  Result<bool> discover(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);
  Result<void> initialize(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);
  Result<void> connect();
  [[nodiscard]] HeaderLines headers_for(const std::string& method) const;
  void keep_server_info(const Json& result);
  void note_all(const std::string& text);
  void notified(const Incoming& notification);
  Json asked(const Incoming& request);
  Result<Json> called(const Call& call, std::int64_t token);
  Result<Json> settled_input(const Json& asked_for, std::int64_t token);
  void tell_cancelled(std::int64_t id);
  std::vector<std::string> forget(std::int64_t token);

  const Connect connect_;
  const Callbacks callbacks_;
  std::unique_ptr<Transport> transport_;
  Era era_ = Era::sessions;
  std::string revision_;
  Json server_info_ = {{"name", ""}, {"version", ""}};
  std::atomic<std::int64_t> next_id_{1};
  std::atomic<bool> is_session_lost_{false};
  Guarded<std::map<std::int64_t, ActiveCall>> active_;  // by progress token, which is the first request's id
};

}  // namespace weir::tools::mcp_servers

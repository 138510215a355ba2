// One configured server: keeps a connection to it, its list of tools and what of it was agreed to, and makes its calls.
// States: connecting, then unapproved, approved or changed; failing while it cannot be reached, with the next try at
// growing intervals.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/random.h"
#include "egress/http_client.h"
#include "store/database.h"
#include "tools/mcp_servers/mcp_client.h"
#include "tools/mcp_servers/server_spec.h"
#include "tools/mcp_servers/server_view.h"
#include "tools/mcp_servers/tool_list.h"
#include "tools/mcp_servers/tool_pins.h"
#include "tools/runs/tool_caller.h"

namespace weir::tools::mcp_servers {

// All must outlive the link. Not thread-safe: a set of references.
struct LinkParts {
  store::Database& database;
  const Clock& clock;
  Random& random;
  egress::Resolver& resolver;
  std::uint16_t own_port = 0;  // of Weir's own listener, which is no external server
};

// How often and how long. Tests shorten it. Not thread-safe: a value.
struct LinkTimes {
  std::chrono::milliseconds connect_timeout{20'000};
  // A changed list is noticed within this, also without a word of the server.
  std::chrono::milliseconds list_again{60'000};
  // An approval on another node is noticed within this.
  std::chrono::milliseconds look_again{5'000};
  std::chrono::milliseconds retry_first{1'000};  // doubled each time, with jitter
  std::chrono::milliseconds retry_max{60'000};
  // Before a stream of news that has ended is opened again.
  std::chrono::milliseconds listen_again{5'000};
};

// One call under way, shared by its caller, who may give it up, and the worker. Thread-safe in its last two members.
struct LinkCall {
  std::string tool;  // the server's name
  Json arguments = Json::object();
  std::chrono::steady_clock::time_point deadline{};
  runs::ToolCaller::Callbacks callbacks{};
  std::stop_source stop{};
  std::atomic<bool> is_given_up{false};  // nobody wants to hear of it any more
};

// Thread-safe.
class ServerLink {
 public:
  ServerLink(ServerSpec spec, const LinkParts& parts, LinkTimes times);
  ~ServerLink();
  ServerLink(const ServerLink&) = delete;
  ServerLink& operator=(const ServerLink&) = delete;

  void start();
  // Ends the process or session. What waits is answered with unavailable. Blocks a few seconds at most.
  void stop();

  [[nodiscard]] const std::string& alias() const { return spec_.alias; }
  [[nodiscard]] ServerView view() const;
  // Approved tools that agents can have; none while a changed list waits for somebody to look.
  [[nodiscard]] std::vector<runs::CallableTool> tools() const;
  [[nodiscard]] std::optional<runs::CallableTool> find(std::string_view tool) const;
  // Why that tool cannot be called now, if so.
  [[nodiscard]] std::optional<Error> refusal(std::string_view tool) const;
  // Agrees to the list that is seen now. Returns conflict if its hash is not `sha256`, or nothing was seen. Writes an
  // audit row of `account_id`. Blocks for the database.
  Result<void> approve(std::string_view sha256, const std::string& account_id, const std::string& key_id);
  // `done` comes once, from one of the link's threads, unless the call was given up. False: too many wait.
  bool enqueue(std::shared_ptr<LinkCall> call);
  // Bounds of one call.
  [[nodiscard]] std::chrono::milliseconds timeout() const { return spec_.timeout; }

 private:
  // Everything that threads share.
  struct Shared {
    ServerView view;
    std::shared_ptr<McpClient> client;  // null while there is no connection
    bool must_list = false;             // the server says that its tools have changed
    bool is_doubted = false;            // so it said, and they are not listed yet
    bool is_closed = false;             // the connection has ended
    bool is_stopping = false;
  };

  void supervise(const std::stop_token& stop);
  bool connect(const std::stop_token& stop);
  // False: the session was lost, and a new one can be had at once.
  bool serve(const std::stop_token& stop);
  void back_off(const std::stop_token& stop);
  Result<void> list(McpClient& client, const std::stop_token& stop);
  Result<void> keep(const ToolList& seen);
  void read_approval();
  void settle(std::unique_lock<std::mutex>& lock);
  void failed(const Error& error);
  void listen(const std::stop_token& stop);
  void work(const std::stop_token& stop);
  Result<ToolResult> perform(const std::shared_ptr<LinkCall>& held);
  Result<std::shared_ptr<McpClient>> connected(LinkCall& call);
  Result<std::unique_ptr<Transport>> make_transport(Inbox inbox);

  const ServerSpec spec_;
  const LinkParts parts_;
  const LinkTimes times_;
  const egress::AddressPolicy policy_;
  ToolPins pins_;
  BoundedQueue<std::shared_ptr<LinkCall>> queue_{kCallsWaitingMax};
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Shared shared_;
  std::vector<std::jthread> workers_;
  std::jthread listener_;
  std::jthread supervisor_;
};

}  // namespace weir::tools::mcp_servers

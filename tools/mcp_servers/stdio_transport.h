// MCP over the pipes of a process: one message a line (MCP "stdio"). What the program writes to its standard error
// goes to the log, bounded, because that is where such programs say what is wrong.
#pragma once
#include <memory>
#include <string>

#include "tools/mcp_servers/server_spec.h"
#include "tools/mcp_servers/transport.h"

namespace weir::tools::mcp_servers {

// The process must ignore SIGPIPE (server/signals). Thread-safe.
class StdioTransport final : public Transport {
 public:
  // Starts the program. Returns unavailable if it cannot be started.
  static Result<std::unique_ptr<StdioTransport>> start(const ServerSpec& spec, Inbox inbox);
  ~StdioTransport() override;

  Result<Reply> send(const Outgoing& request) override;
  Result<void> notify(std::string_view method, const Json& params, const HeaderLines& headers,
                      std::chrono::steady_clock::time_point deadline) override;
  Result<void> listen(const HeaderLines& headers, std::stop_token stop) override;
  [[nodiscard]] bool is_open() const override;
  [[nodiscard]] std::string trouble() const override;
  void close() override;

  // Lines of standard output that are no messages, and of standard error that are logged, before the transport is
  // closed or the rest is only counted.
  static constexpr int kStrayLinesMax = 100;
  static constexpr int kLoggedLinesMax = 200;

 private:
  struct State;
  explicit StdioTransport(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir::tools::mcp_servers

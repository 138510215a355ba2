// Streamable HTTP to one MCP server (MCP 2025-03-26 and later, "Transports"): a POST for each message, answers as
// JSON or as an event stream, the session's id. Every connection passes egress with a policy of its own; redirects
// are refused; nothing of a caller of Weir is ever sent along.
#pragma once
#include <memory>
#include <string>

#include "egress/http_client.h"
#include "tools/mcp_servers/server_spec.h"
#include "tools/mcp_servers/transport.h"

namespace weir::tools::mcp_servers {

// What the operator wrote may be reached: a loopback address only if the URL says so, private ones only in
// allow_private. `own_port` is Weir's own listener, which is not an external server.
egress::AddressPolicy policy_for(const ServerSpec& spec, std::uint16_t own_port);

// Thread-safe.
class HttpTransport final : public Transport {
 public:
  // All must outlive the transport.
  HttpTransport(const ServerSpec& spec, const egress::AddressPolicy& policy, egress::Resolver& resolver, Inbox inbox);
  ~HttpTransport() override;

  Result<Reply> send(const Outgoing& request) override;
  Result<void> notify(std::string_view method, const Json& params, const HeaderLines& headers,
                      std::chrono::steady_clock::time_point deadline) override;
  Result<void> listen(const HeaderLines& headers, std::stop_token stop) override;
  [[nodiscard]] bool is_open() const override;
  [[nodiscard]] std::string trouble() const override;
  void close() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::tools::mcp_servers

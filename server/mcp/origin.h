// Who may reach the server through a browser: the check of Host and Origin that stops DNS rebinding and foreign web
// pages (MCP streamable-http, "Security Warning"). Pure. Not authentication: a key is needed besides.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "server/http/message.h"

namespace weir::mcp {

// Immutable.
class OriginPolicy {
 public:
  // `listen_host`, localhost, 127.0.0.1 and [::1] are always allowed hosts; `allowed_hosts` are names without port.
  OriginPolicy(std::string_view listen_host, const std::vector<std::string>& allowed_hosts,
               const std::vector<std::string>& allowed_origins);

  // Why the request is refused, in a sentence that says which setting would allow it; nothing if it is allowed: the
  // Host is a known name on any port, and Origin is absent, the same as Host, or in the list.
  [[nodiscard]] std::optional<std::string> refusal(const http::Headers& headers) const;

 private:
  std::vector<std::string> hosts_;
  std::vector<std::string> origins_;
};

}  // namespace weir::mcp

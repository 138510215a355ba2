// What tells an MCP host where to get an access token: the metadata of RFC 9728 and the challenge that points at it.
// Without an issuer neither exists, because a host that finds them starts a flow that cannot succeed.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/auth/settings.h"
#include "server/http/exchange.h"

namespace weir::auth {

inline constexpr std::string_view kMetadataPath = "/.well-known/oauth-protected-resource";

// Immutable.
class ProtectedResource {
 public:
  // `public_url` without a path: "https://weir.example".
  ProtectedResource(const Settings& settings, const std::string& public_url);

  // Answers `/.well-known/oauth-protected-resource` and the same with `/mcp` after it: to everybody, without a key, at
  // no cost. False if the path is neither; then nothing was answered. Never blocks.
  bool answer(http::Exchange& exchange) const;

  // The parameter of a challenge: `resource_metadata="https://weir.example/.well-known/oauth-protected-resource/mcp"`.
  [[nodiscard]] const std::string& challenge_parameter() const { return challenge_parameter_; }

  // What a token's audience may be when the operator says nothing: the URL of /mcp, and that of the server.
  static std::vector<std::string> audiences(const Settings& settings, const std::string& public_url);

 private:
  std::string of_mcp_;
  std::string of_server_;
  std::string challenge_parameter_;
};

}  // namespace weir::auth

// From an access token to who it speaks for: signature, issuer, audience, times, scopes (RFC 9068, and MCP's
// authorization section). Which account that is: subject_accounts.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "server/auth/key_source.h"
#include "server/auth/settings.h"
#include "tools/access.h"

namespace weir::auth {

// What a token says, once it is believed. Not thread-safe: a value.
struct Identity {
  std::string issuer;
  std::string subject;
  tools::Scopes scopes;
  UnixMillis expires_at{};  // with the leeway: not a moment longer
};

// Thread-safe.
class TokenVerifier {
 public:
  // Clocks of two machines differ by this much at most (RFC 7519 section 4.1.4).
  static constexpr std::chrono::seconds kLeeway{30};

  // `keys` and `clock` must outlive it. `audiences` is not empty; `settings` have passed check().
  TokenVerifier(const Settings& settings, std::vector<std::string> audiences, KeySource& keys, const Clock& clock);

  // Returns unauthorized with the reason, or unavailable if the issuer's keys cannot be had now. Blocks as
  // KeySource::find.
  Result<Identity> verify(std::string_view token);

  // What the claims of a believed token mean. Pure but for the clock.
  [[nodiscard]] Result<Identity> identity_of(const Json& claims) const;

 private:
  [[nodiscard]] Result<UnixMillis> check_times(const Json& claims) const;
  [[nodiscard]] tools::Scopes scopes_of(const Json& claims) const;

  const std::string issuer_;
  const std::vector<std::string> audiences_;
  const std::string account_claim_;
  std::multimap<std::string, std::string, std::less<>> scope_map_;
  KeySource& keys_;
  const Clock& clock_;
};

}  // namespace weir::auth

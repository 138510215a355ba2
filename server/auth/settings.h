// What the operator may choose about access tokens of an authorization server. From the configuration.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir::auth {

// What happens when a subject calls for the first time that auth.account_map does not name.
enum class UnknownSubjects : std::uint8_t { create, refuse };

// Without an issuer only API keys are accepted, and the rest means nothing. Not thread-safe: a value.
struct Settings {
  std::string issuer;                  // compared with the claim `iss` as it is written
  std::vector<std::string> audiences;  // empty: this server's own URL, and that of its /mcp
  std::string jwks_url;                // one of these two
  std::string jwks_file;
  std::chrono::milliseconds jwks_refresh{30'000};  // the least time between two attempts to get the keys
  std::vector<std::string> scope_map;              // "theirs=ours"
  std::string account_claim = "sub";               // which claim tells subjects apart
  std::vector<std::string> account_map;            // "subject=account"
  UnknownSubjects unknown_subjects = UnknownSubjects::create;
  std::string tier = "free";  // of accounts that are made

  [[nodiscard]] bool is_enabled() const { return !issuer.empty(); }
};

// "left=right" with both sides present; what stands after the last '=' is the right one, so that URLs can be on the left.
Result<std::pair<std::string, std::string>> parse_pair(const std::string& text);

// Returns validation_failed, naming the setting: no source of keys or two, a pair or a scope that is none.
Result<void> check(const Settings& settings);

}  // namespace weir::auth
